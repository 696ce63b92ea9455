// A member that the map no longer names is cut off at once, its running flow too: within 2 s of the map's arrival.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mark } from '../evidence/recorder.ts';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { silenceOf } from '../topology/silence.ts';
import { isTunnelData, watch } from '../topology/witness.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

test('its live flow stops within 2 s, seen from the WAN', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const flow = await Flow.start(r2, r1.hostAddress, 50);
  await mesh.operator('member', 'remove', 'r2');
  await mesh.operator('sign', '--yes');
  const { packets, stop } = watch(mesh.hub);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const publishedMs = performance.now();
  mark('published', publishedMs);
  await mesh.publish();
  await r1.logs(`enforced epoch ${mesh.signedEpoch()}: `);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  stop();
  const { sent } = await flow.stop();
  expect(sent).toBeGreaterThan(50);
  const { before, tookMs } = silenceOf(packets, publishedMs, r1.index, isTunnelData);
  console.warn(`the flow stopped ${tookMs?.toFixed(0)} ms after the map's first frame`);
  expect(before, 'sealed before').toBeGreaterThan(20);
  expect(tookMs).toBeLessThan(2000);
});

test('it is no peer in the kernel, and knows itself that it is no member', async () => {
  expect(await mesh.router('r1').guest.run('wg show rn0 peers')).toBe('');
  const status = await mesh.router('r2').reaches('closed');
  expect(String(status['why'])).toContain('no member');
  expect((await mesh.router('r2').guest.exec('ip link show rn0')).status).not.toBe(0);
});
