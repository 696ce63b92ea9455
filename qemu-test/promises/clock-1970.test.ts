// A router whose clock is wrong at boot is shut until the time is known. Then it is open again, with the map it had: it
// was neither locked out nor talked into an older one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { topics } from '../../agent/src/trust/topics.ts';
import { bootsAt, ntpSetsClock, rightUnixS } from '../topology/clock.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
let older: Uint8Array;
let epoch: number;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  older = mesh.signedMap();
  epoch = await mesh.release();
  await mesh.router('r1').reaches('enforced', epoch);
});
afterAll(() => mesh.stop());

test.each<[string, () => number]>([
  ['of 1970', () => 1_000_000],
  ['ten hours back', () => rightUnixS() - 36_000],
  ['a year ahead', () => rightUnixS() + 365 * 86_400],
])('a clock %s: blocked, no older map is taken, and NTP opens it again', async (_, clock) => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const before = await r1.status();
  await mesh.broker.say(topics.map(mesh.network), older);
  await bootsAt(r1, clock());
  await r1.guest.reboot();
  const status = await r1.reaches('unclocked', undefined, 120_000);
  expect(status).toMatchObject({ clock: 'unknown', clock_usable: false, peers: 0, lease_s: 0, flash_writes: 0 });
  expect(status['floors']).toEqual(before['floors']);
  expect(await r1.hostPings(r2.hostAddress, 3), 'from inside').toMatchObject({ received: 0 });
  expect(await r2.hostPings(r1.hostAddress, 3), 'from the mesh').toMatchObject({ received: 0 });
  await ntpSetsClock(r1, rightUnixS());
  const after = await r1.reaches('enforced', epoch, 60_000);
  expect(after).toMatchObject({ clock: 'ntp', clock_usable: true, floors: before['floors'] });
  await r1.contacts(r2.hostAddress);
  // The broker's certificate is good only now, too: what it has to say comes now.
  const told = await r1.until(
    ({ refusals }) => (refusals as { rollback?: number } | undefined)?.rollback === 1,
    'a refused rollback',
    120_000,
  );
  expect(told).toMatchObject({ map: { epoch }, floors: before['floors'] });
  expect(await r1.hostPings(r2.hostAddress, 10)).toMatchObject({ received: 10 });
});
