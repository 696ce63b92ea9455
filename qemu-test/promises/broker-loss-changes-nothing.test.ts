// Without the broker everything that is in force stays in force; when it is back, what is new arrives.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

test('the flow loses nothing while the broker is gone for 20 s, and the next map comes once it is back', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const flow = await Flow.start(r1, r2.hostAddress);
  await mesh.broker.stop();
  await r1.until(({ broker }) => (broker as { connected: boolean }).connected === false, 'a lost broker');
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  expect(await r1.status()).toMatchObject({ state: 'enforced' });
  const { sent, received } = await flow.stop();
  expect(sent).toBeGreaterThan(1000);
  expect(received).toBe(sent);
  await mesh.broker.start();
  const epoch = await mesh.release();
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', epoch, 180_000)));
});
