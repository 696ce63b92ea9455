// Who is not in the map is nobody: neither a router with a valid invite, nor a WireGuard that knows a member's key.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRules, type Mesh } from '../topology/mesh.ts';
import { bootedMesh } from '../topology/saved.ts';
import { wanAddress } from '../topology/router.ts';

let mesh: Mesh;
let epoch: number;
beforeAll(async () => {
  mesh = await bootedMesh({ routers: ['r1', 'r2', 'r3'] });
  const keys = await Promise.all(['r1', 'r2', 'r3'].map((name) => mesh.join(name)));
  for (const [at, name] of ['r1', 'r2'].entries()) {
    const own = keys[at];
    if (own !== undefined) await mesh.addMember(name, own, { endpoint: true });
  }
  await mesh.setPolicy(openRules([mesh.router('r1'), mesh.router('r2')]));
  epoch = await mesh.release();
  await Promise.all(['r1', 'r2'].map((name) => mesh.router(name).reaches('enforced', epoch)));
});
afterAll(() => mesh.stop());

test('a router with an invite but not in the map is closed: no interface, no peers, and it says why', async () => {
  const stranger = mesh.router('r3');
  const status = await stranger.until(({ why }) => String(why).includes('no member'), 'a reason');
  expect(status).toMatchObject({ state: 'closed', peers: 0, why: `this router is no member in epoch ${epoch}` });
  expect((await stranger.guest.exec('ip link show rn0')).status).not.toBe(0);
  expect(await stranger.hostPings(mesh.router('r1').hostAddress)).toMatchObject({ received: 0 });
});

test('a WireGuard set up by hand with the key of a member gets no handshake, and the member never lists it', async () => {
  const [r1, stranger] = [mesh.router('r1'), mesh.router('r3')];
  const key = (await r1.guest.run('wg show rn0 public-key')).trim();
  await stranger.guest.run(
    `ip link add wg9 type wireguard; wg genkey >/tmp/key; wg set wg9 private-key /tmp/key peer ${key} endpoint ${wanAddress(1)}:51820 allowed-ips 0.0.0.0/0 persistent-keepalive 1; ip link set wg9 up; ip route add 192.168.1.0/24 dev wg9`,
  );
  expect(await stranger.hostPings(r1.hostAddress, 10)).toMatchObject({ received: 0 });
  expect((await stranger.guest.run('wg show wg9 latest-handshakes')).trim()).toBe(`${key}\t0`);
  expect((await r1.handshakes()).size).toBe(1);
});

test('the members beside it reach each other', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r1.hostPings(r2.hostAddress, 5)).toEqual({ sent: 5, received: 5 });
});
