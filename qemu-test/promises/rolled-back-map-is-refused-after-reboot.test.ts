// The floors are on flash: a router that was switched off does not believe an older map afterwards.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { topics } from '../../agent/src/trust/topics.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

test('after a power cut, the map of the epoch before is refused as a rollback and the newer one is in force', async () => {
  const r1 = mesh.router('r1');
  const older = mesh.signedMap();
  const epoch = await mesh.release();
  await r1.reaches('enforced', epoch);
  await mesh.broker.say(topics.map(mesh.network), older);
  await r1.guest.powerCut();
  const status = await r1.until(
    ({ refusals }) => (refusals as { rollback?: number } | undefined)?.rollback === 1,
    'a refused rollback',
    120_000,
  );
  expect(status).toMatchObject({ floors: { epoch }, last_refusal: { refused: 'rollback' } });
  expect(await r1.reaches('enforced', epoch)).toMatchObject({ map: { epoch } });
  expect(await r1.hostPings(mesh.router('r2').hostAddress, 5)).toEqual({ sent: 5, received: 5 });
});

test('a state that lost a byte is closed with a clear message, and is not taken for a first use', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('sed -i s/epoch/epoxh/ /etc/rustynet/state/floors; sync; /etc/init.d/rustynet restart');
  const status = await r1.until(({ state }) => state === 'closed', 'state closed');
  expect(String(status['why'])).toMatch(
    /^\/etc\/rustynet\/state\/floors: wanted a file with SHA-256 .*run "rustynet leave"/,
  );
  expect(await r1.hostPings(mesh.router('r2').hostAddress, 3)).toMatchObject({ received: 0 });
  expect((await r1.guest.exec('rustynet status')).status).toBe(4);
});
