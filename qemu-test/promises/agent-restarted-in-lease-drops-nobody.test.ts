// A crash or an update of the agent is no event for the traffic: within the lease nobody notices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

test.each([
  ['killed, and started again by procd', (pid: string) => `kill -9 ${pid}`],
  ['restarted by its init script', () => '/etc/init.d/rustynet restart'],
])('an agent %s: no packet of a flow is lost, no handshake is made anew', async (_, command) => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await r1.reaches('enforced');
  await r1.hostPings(r2.hostAddress, 2);
  const [before, old] = [await r1.handshakes(), await r1.daemonPid()];
  const flow = await Flow.start(r1, r2.hostAddress);
  await r1.guest.run(command(old));
  await r1.until(() => true, 'an answer', 60_000);
  await r1.reaches('enforced');
  expect(await r1.daemonPid()).not.toBe(old);
  const { sent, received } = await flow.stop();
  expect(sent).toBeGreaterThan(100);
  expect(received).toBe(sent);
  expect(await r1.handshakes()).toEqual(before);
});
