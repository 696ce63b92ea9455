// The dead man's switch: with no agent, or one that hangs, the kernel closes the mesh by itself.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

const leaseS = 30;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  await mesh
    .router('r1')
    .guest.run(`uci set rustynet.main.lease_s=${leaseS}; uci commit rustynet; /etc/init.d/rustynet restart`);
  await mesh
    .router('r1')
    .until(({ state, lease_s: left }) => state === 'enforced' && Number(left) <= leaseS, 'a short lease');
});
afterAll(() => mesh.stop());

const leaseIn = async (): Promise<string> => mesh.router('r1').guest.run('nft list set inet rustynet lease');
const wait = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

test.each<[string, (pid: string) => string, (pid: string) => string]>([
  ['an agent that hangs', (pid) => `kill -STOP ${pid}`, (pid) => `kill -CONT ${pid}`],
  [
    'an agent that is killed and not started again',
    (pid) => `kill -9 ${pid}; ubus call service delete '{"name":"rustynet"}'`,
    () => '/etc/init.d/rustynet start',
  ],
])(
  '%s: traffic passes until the lease ends, then none does, and a living agent opens it again',
  async (_, end, revive) => {
    const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
    expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 3 });
    const pid = await r1.daemonPid();
    await r1.guest.run(end(pid));
    expect(await r1.hostPings(r2.hostAddress, 3), 'within the lease').toMatchObject({ received: 3 });
    await wait(leaseS + 2);
    expect(await leaseIn()).not.toContain('rn0');
    expect(await r1.hostPings(r2.hostAddress, 3), 'from inside').toMatchObject({ received: 0 });
    expect(await r2.hostPings(r1.hostAddress, 3), 'from the mesh').toMatchObject({ received: 0 });
    await r1.guest.run(revive(pid));
    await r1.reaches('enforced');
    expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 3 });
  },
);
