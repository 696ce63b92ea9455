// Who was removed has keys, a map in which it was a member, and the login to the broker. None of it brings it back; and
// without the login it does not even read who is a member now. With new keys it is a new router.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { topics } from '../../agent/src/trust/topics.ts';
import type { Mesh } from '../topology/mesh.ts';
import { wanAddress } from '../topology/router.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
let invite: string;
let keyOfR1: string;
let memberMap: Buffer;
let epoch: number;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  const r1 = mesh.router('r1');
  invite = await mesh.ownInvite('r2');
  keyOfR1 = (await r1.guest.run('wg show rn0 public-key')).trim();
  memberMap = mesh.signedMap();
});
afterAll(() => mesh.stop());

const peersOfR1 = (): Promise<string> => mesh.router('r1').guest.run('wg show rn0 peers');

test('its WireGuard set up by hand with all it knew gets no handshake', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r2.hostPings(r1.hostAddress, 3), 'while it is a member').toEqual({ sent: 3, received: 3 });
  await r2.guest.run('cp -r /etc/rustynet /tmp/stolen');
  await mesh.operator('member', 'remove', 'r2');
  epoch = await mesh.release();
  await r1.reaches('enforced', epoch);
  await r2.until(({ why }) => String(why).includes('no member'), 'a router that knows');
  await r2.guest.run(`/etc/init.d/rustynet stop
ip link add wg9 type wireguard; wg set wg9 listen-port 51820 private-key /tmp/stolen/wireguard.key peer ${keyOfR1} endpoint ${wanAddress(1)}:51820 allowed-ips 0.0.0.0/0 persistent-keepalive 1
ip link set wg9 up; ip route add 192.168.1.0/24 dev wg9`);
  expect(await r2.hostPings(r1.hostAddress, 10)).toMatchObject({ received: 0 });
  expect((await r2.guest.run('wg show wg9 latest-handshakes')).trim()).toBe(`${keyOfR1}\t0`);
  expect(await peersOfR1()).toBe('');
  await r2.guest.run('ip link del wg9; /etc/init.d/rustynet start');
});

test('the map in which it was a member, said with its login and by a broker that helps it, is taken by nobody', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const topic = topics.map(mesh.network);
  await expect(mesh.broker.say(topic, memberMap, 'r2')).rejects.toThrow('Not authorized');
  const before = (await r1.status())['refusals'] as { rollback: number };
  await mesh.broker.say(topic, memberMap);
  await r1.until(({ refusals }) => (refusals as { rollback: number }).rollback > before.rollback, 'a refusal');
  await r2.until(({ refusals }) => (refusals as { rollback: number }).rollback > 0, 'a refusal');
  expect(await r1.status()).toMatchObject({ state: 'enforced', map: { epoch } });
  await r2.reaches('closed');
  expect(await peersOfR1()).toBe('');
  await mesh.publish();
});

test('left and joined anew with an invite of before, it is closed: an invite lets it see, not in', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await r2.guest.run('rustynet leave');
  await mesh.join('r2', invite);
  const status = await r2.until(({ why }) => String(why).includes('no member'), 'a router that knows');
  expect(status).toMatchObject({ state: 'closed', peers: 0, why: `this router is no member in epoch ${epoch}` });
  expect(await r2.hostPings(r1.hostAddress, 3)).toMatchObject({ received: 0 });
  expect(await peersOfR1()).toBe('');
});

test('its login ended at the broker, it is cut off at once, and reads no map that is made after that', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  // procd has the settings read again a second after they were written: a session ends with those before.
  await r2.until(({ broker }) => (broker as { connected: boolean }).connected, 'a broker');
  await mesh.setLoginsWithout('r2');
  await r2.until(
    ({ warnings }) => /no broker: .*(?:Not authorized|password)/.test(String(warnings)),
    'a refused login',
  );
  const later = await mesh.release();
  await r1.reaches('enforced', later);
  await expect(mesh.broker.say(topics.map(mesh.network), memberMap, 'r2')).rejects.toThrow('Not authorized');
  expect(await r2.status()).toMatchObject({ map: { epoch }, broker: { connected: false } });
});

test('made anew, with keys that nobody stole, it is a member again, and the kernel knows the new key alone', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const before = (await r2.guest.run('cat /tmp/stolen/*.key')).trim().split('\n');
  await mesh.setLoginsWithout();
  await r2.guest.run('rustynet leave; /etc/init.d/rustynet stop; rm -r /etc/rustynet; /etc/init.d/rustynet start');
  const keys = await mesh.join('r2');
  await mesh.addMember('r2', keys, { endpoint: true });
  const again = await mesh.release();
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', again)));
  expect((await peersOfR1()).trim()).toBe(keys.wireGuard);
  expect(await r2.hostPings(r1.hostAddress, 5)).toMatchObject({ received: 5 });
  const now = (await r2.guest.run('cat /etc/rustynet/*.key')).trim().split('\n');
  expect(now).toHaveLength(2);
  expect(now.filter((key) => before.includes(key))).toEqual([]);
});
