// A map ends in the kernel, at its second, with nobody there to end it: the lease never reaches beyond the map.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ntpSetsClock, ntpTells, rightUnixS, setClock } from '../topology/clock.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

/** Of the map's life, when the agent is gone; the lease would be 600 s. */
const restS = 30;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

const wait = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The next map must last beyond what NTP has said by then. */
test.each<[string, (pid: string) => string, (pid: string) => string, string]>([
  ['an agent that hangs', (pid) => `kill -STOP ${pid}`, (pid) => `kill -CONT ${pid}`, '40d'],
  [
    'an agent that is killed and not started again',
    (pid) => `kill -9 ${pid}; ubus call service delete '{"name":"rustynet"}'`,
    () => '/etc/init.d/rustynet start',
    '80d',
  ],
])('%s, and a clock set back: the kernel closes when the map ends, not later', async (_, end, revive, lifetime) => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const pid = await r1.daemonPid();
  const { expires } = (await r1.status())['map'] as { expires: number };
  await setClock(r1, expires - restS);
  const endMs = performance.now() + restS * 1000;
  // NTP is heard late in a second of the clock: what is rounded away here is added to the lease.
  await wait(0.6);
  await ntpTells(r1);
  const status = await r1.until(({ lease_s: left }) => Number(left) > 0 && Number(left) <= restS, 'a short lease');
  expect(status).toMatchObject({ state: 'enforced', clock: 'ntp' });
  await r1.guest.run(end(pid));
  await setClock(r1, rightUnixS());
  expect(await r1.hostPings(r2.hostAddress, 3), 'before the end').toMatchObject({ received: 3 });
  await wait((endMs - performance.now()) / 1000);
  expect(await r1.guest.run('nft list set inet rustynet lease')).not.toContain('rn0');
  expect(await r1.hostPings(r2.hostAddress, 3), 'from inside').toMatchObject({ received: 0 });
  expect(await r2.hostPings(r1.hostAddress, 3), 'from the mesh').toMatchObject({ received: 0 });
  await r1.guest.run(revive(pid));
  await r1.until(({ state }) => state === 'closed' || state === 'unclocked', 'a living agent that keeps it shut');
  await ntpSetsClock(r1, rightUnixS());
  await mesh.operator('sign', '--yes', '--lifetime', lifetime);
  await mesh.publish();
  await r1.reaches('enforced', mesh.signedEpoch());
  expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 3 });
});
