// Members that the policy lets talk reach each other through the kernel's tunnel, and what passes outside is sealed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { bundledOperator } from '../topology/operator.ts';
import { isTunnelData, watch } from '../topology/witness.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'], operator: bundledOperator });
});
afterAll(() => mesh.stop());

test('a host behind one router reaches a host behind the other, and nothing of it is on the WAN in the clear', async () => {
  const { packets, stop } = watch(mesh.hub);
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r1.hostPings(r2.hostAddress, 10)).toEqual({ sent: 10, received: 10 });
  expect(await r2.hostPings(r1.hostAddress, 10)).toEqual({ sent: 10, received: 10 });
  stop();
  const lan = packets.filter(({ from, to }) => from.startsWith('192.168.') || to.startsWith('192.168.'));
  expect(lan).toEqual([]);
  expect(packets.filter(isTunnelData).length).toBeGreaterThanOrEqual(40);
});

test('the routers reach each other by their IPv6 mesh addresses', async () => {
  const text = await mesh
    .router('r2')
    .guest.run("ip -6 addr show dev rn0 scope global | sed -n 's|.*inet6 \\(.*\\)/128.*|\\1|p'");
  expect(await mesh.router('r1').pings('', text.trim(), 5, 5)).toEqual({ sent: 5, received: 5 });
});

test('what the policy no longer grants is dropped, and what it still grants passes', async () => {
  await mesh.setPolicy([{ from: ['member:r1'], to: ['192.168.2.0/24'], protocols: ['icmp'] }]);
  const epoch = await mesh.release();
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', epoch)));
  expect(await r1.hostPings(r2.hostAddress, 5)).toEqual({ sent: 5, received: 5 });
  expect(await r2.hostPings(r1.hostAddress, 5)).toEqual({ sent: 5, received: 0 });
  const listen = 'ip netns exec host sh -c "echo answer | nc -l -p 2222 >/dev/null 2>&1 &"';
  await r2.guest.run(listen);
  const connect = `ip netns exec host sh -c "echo | timeout 3 nc ${r2.hostAddress} 2222"`;
  expect((await r1.guest.exec(connect)).stdout).toBe('');
  await mesh.setPolicy([{ from: ['member:r1'], to: ['192.168.2.0/24'], protocols: ['icmp', 'tcp:2222'] }]);
  const wider = await mesh.release();
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', wider)));
  expect((await r1.guest.exec(connect)).stdout).toBe('answer\n');
});

test('a LAN of its own is not taken over by a member that routes the same network', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('ip link add own type bridge; ip addr add 192.168.2.1/24 dev own; ip link set own up');
  await r1.guest.run('/etc/init.d/rustynet restart');
  await r1.until(() => true, 'a daemon');
  await r1.reaches('enforced');
  expect(await r1.guest.run('ip route get 192.168.2.77')).toContain('dev own');
  await r1.guest.run('ip link del own');
});

test('disabled in its settings, the router has no device any more', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('uci set rustynet.main.enabled=0; uci commit rustynet; /etc/init.d/rustynet restart');
  expect((await r1.guest.exec('ip link show rn0')).status).not.toBe(0);
  expect(await r1.hostPings(mesh.router('r2').hostAddress, 3)).toMatchObject({ received: 0 });
});
