// A router that starts while the broker is gone has its map from flash, with its floors, and is open again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

test('after a reboot without the broker: the same epoch, the same floors, the hosts reach each other', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const before = await r1.status();
  await mesh.broker.stop();
  await r1.guest.reboot();
  const after = await r1.reaches('enforced', undefined, 120_000);
  expect(after['map']).toEqual(before['map']);
  expect(after['floors']).toEqual(before['floors']);
  expect(after).toMatchObject({ broker: { connected: false }, flash_writes: 0 });
  expect(await r1.hostPings(r2.hostAddress, 10)).toMatchObject({ received: 10 });
});
