// Once NTP has shown that the map has ended, it stays ended: setting the clock back revives nothing, nor does a reboot.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ntpSetsClock, rightUnixS, setClock } from '../topology/clock.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
let endUnixS: number;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  endUnixS = Number(((await mesh.router('r1').status())['map'] as { expires: number }).expires);
});
afterAll(() => mesh.stop());

/** Nothing passes, and nothing lets it: not for as long as a run of the loop and its retries take. */
async function staysShut(state: string): Promise<void> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r1.hostPings(r2.hostAddress, 30, 2), 'from inside').toMatchObject({ received: 0 });
  expect(await r2.hostPings(r1.hostAddress, 3), 'from the mesh').toMatchObject({ received: 0 });
  expect(await r1.status()).toMatchObject({ state, peers: 0, lease_s: 0 });
  expect(await r1.guest.run('nft list set inet rustynet lease')).not.toContain('rn0');
}

test('NTP shows that the map has ended: closed, and the time is on flash', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r1.hostPings(r2.hostAddress, 3), 'while the map is good').toEqual({ sent: 3, received: 3 });
  const { flash_writes: before } = await r1.status();
  await ntpSetsClock(r1, endUnixS + 60);
  const status = await r1.reaches('closed');
  expect(String(status['why'])).toMatch(/^the map of epoch \d+ expired at/);
  expect(Number((status['floors'] as { time: number }).time)).toBeGreaterThanOrEqual(endUnixS + 60);
  expect(Number(status['flash_writes']) - Number(before)).toBe(1);
  await staysShut('closed');
});

test('a hand sets the clock back to when the map was good: it stays closed', async () => {
  await setClock(mesh.router('r1'), rightUnixS());
  await staysShut('closed');
});

test('also after a reboot with that clock', async () => {
  await mesh.router('r1').guest.reboot();
  const status = await mesh.router('r1').reaches('unclocked', undefined, 120_000);
  expect(Number((status['floors'] as { time: number }).time)).toBeGreaterThanOrEqual(endUnixS + 60);
  await staysShut('unclocked');
});

test('also where NTP itself says that earlier time afterwards', async () => {
  await ntpSetsClock(mesh.router('r1'), rightUnixS());
  await mesh.router('r1').reaches('closed');
  await staysShut('closed');
});
