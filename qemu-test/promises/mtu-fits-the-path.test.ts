// The tunnel is as narrow as the path asks for, and what passes it is told so: a megabyte passes over PPPoE's 1492 bytes
// and over IPv6 alone, and no sealed packet of it is longer than the path takes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { wanAddress6 } from '../topology/internet.ts';
import { isTunnelData, watch, type WanPacket } from '../topology/witness.ts';

const ethernetHeaderBytes = 14;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  for (const { guest } of mesh.routers.values())
    await guest.run(
      'mkdir -p /tmp/www; head -c 1048576 /dev/urandom >/tmp/www/1mb; ip netns exec host httpd -p 80 -h /tmp/www',
    );
});
afterAll(() => mesh.stop());

/** A megabyte from the LAN host behind one router to the one behind the other; gives the sealed packets of it. */
async function fetchAcross(from: string, to: string): Promise<readonly WanPacket[]> {
  const { packets, stop } = watch(mesh.hub);
  const url = `http://${mesh.router(from).hostAddress}/1mb`;
  const got = await mesh
    .router(to)
    .guest.run(`ip netns exec host timeout 60 wget -q -O - ${url} | wc -c`, { timeoutMs: 90_000 });
  stop();
  expect(Number(got)).toBe(1 << 20);
  const sealed = packets.filter(isTunnelData);
  expect(sealed.length).toBeGreaterThan(700);
  return sealed;
}

const longest = (packets: readonly WanPacket[]): number =>
  Math.max(...packets.map(({ frame }) => frame.length - ethernetHeaderBytes));

/** The agent that is replaced may set it, too, when netifd tells that the uplink is another. */
async function setUplinkMtu(name: string, mtu: number): Promise<void> {
  const router = mesh.router(name);
  const before = await router.daemonPid();
  await router.guest.run(`ip link set eth0 mtu ${mtu}; /etc/init.d/rustynet restart
until pid=$(cat /var/run/rustynet.pid 2>/dev/null) && [ -n "$pid" ] && [ "$pid" != ${before} ] &&
  [ "$(cat /sys/class/net/rn0/mtu 2>/dev/null)" = ${mtu - 80} ]; do sleep 0.2; done`);
  await router.reaches('enforced', mesh.signedEpoch());
}

test('over Ethernet, the tunnel takes the 1420 bytes that fit', async () => {
  expect(longest(await fetchAcross('r1', 'r2'))).toBeGreaterThan(1400);
  expect((await mesh.router('r1').guest.run('cat /sys/class/net/rn0/mtu')).trim()).toBe('1420');
});

test('over PPPoE on one side, both ways: no packet is longer than 1492 bytes', async () => {
  await setUplinkMtu('r1', 1492);
  expect(longest(await fetchAcross('r1', 'r2'))).toBeLessThanOrEqual(1492);
  expect(longest(await fetchAcross('r2', 'r1'))).toBeLessThanOrEqual(1492);
  await setUplinkMtu('r1', 1500);
});

test('over IPv6 alone, both ways', async () => {
  for (const name of ['r1', 'r2']) {
    const { identity_key: identity, wireguard_key: wireGuard } = await mesh.router(name).status();
    const { index } = mesh.router(name);
    const keys = ['--identity', String(identity), '--wireguard', String(wireGuard)];
    const at = ['--subnet', `192.168.${index}.0/24`, '--endpoint', `[${wanAddress6(index)}]:51820`];
    await mesh.operator('member', 'remove', name);
    await mesh.operator('member', 'add', name, ...keys, ...at);
  }
  const epoch = await mesh.release();
  for (const router of mesh.routers.values()) await router.reaches('enforced', epoch);
  for (const { guest } of mesh.routers.values()) {
    // A live session keeps the endpoint that it has: the address below it goes, and a restart of the link asks anew.
    await guest.run('ip -4 addr flush dev eth0; ip link del rn0; /etc/init.d/rustynet restart');
  }
  await mesh.router('r1').contacts(mesh.router('r2').hostAddress, 90_000);
  for (const [from, to] of [
    ['r1', 'r2'],
    ['r2', 'r1'],
  ] as const) {
    const sealed = await fetchAcross(from, to);
    expect(new Set(sealed.map(({ etherType }) => etherType))).toEqual(new Set([0x86dd]));
    expect(longest(sealed)).toBeLessThanOrEqual(1500);
  }
}, 300_000);
