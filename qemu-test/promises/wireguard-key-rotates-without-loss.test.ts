// A router gets another WireGuard key under a running flow: nobody notices, and the key of before opens nothing any more.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import type { Router } from '../topology/router.ts';
import { formMesh } from '../topology/saved.ts';
import { wanAddress } from '../topology/router.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

const keyOf = async ({ guest }: Router): Promise<string> => (await guest.run('wg show rn0 public-key')).trim();
const peersOf = async ({ guest }: Router): Promise<string> => (await guest.run('wg show rn0 peers')).trim();
const copyOfKey = '/tmp/key-of-before';

/** The router makes a key, the operator signs it, everyone takes it; gives the new key. */
async function rotate(router: Router): Promise<string> {
  const said = await router.guest.run('rustynet rotate-key --json');
  const { next_wireguard_key: key = '' } = JSON.parse(said) as { next_wireguard_key?: string };
  await mesh.operator('member', 'rotate', router.name, '--wireguard', key);
  const epoch = await mesh.release();
  await Promise.all([...mesh.routers.values()].map((each) => each.logs(`enforced epoch ${epoch}: `)));
  return key;
}

test.each(['r2', 'r1'])(
  '%s takes another key under a flow of 100 pings a second: none is lost, and the other kernel knows the new key alone',
  async (name) => {
    const [r1, r2, router] = [mesh.router('r1'), mesh.router('r2'), mesh.router(name)];
    const other = name === 'r1' ? r2 : r1;
    await router.guest.run(`cp /etc/rustynet/wireguard.key ${copyOfKey}`);
    const before = await keyOf(router);
    const flow = await Flow.start(r1, r2.hostAddress);
    const key = await rotate(router);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { sent, lost } = await flow.stop();
    console.warn(`${name}: ${sent} pings, ${lost.length} lost`);
    expect(key).not.toBe(before);
    expect([await keyOf(router), await peersOf(other)]).toEqual([key, key]);
    expect(sent).toBeGreaterThan(300);
    expect(lost).toEqual([]);
  },
);

test('with the key of before, nobody gets a handshake, and no file of the router has it', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const known = await r1.handshakes();
  await r2.guest.run(`ip link add wg9 type wireguard
wg set wg9 private-key ${copyOfKey} peer ${await keyOf(r1)} endpoint ${wanAddress(1)}:51820 allowed-ips 0.0.0.0/0 persistent-keepalive 1
ip link set wg9 up; sleep 10`);
  expect((await r2.guest.run('wg show wg9 latest-handshakes')).trim()).toBe(`${await keyOf(r1)}\t0`);
  expect([...known.keys()]).toEqual([...(await r1.handshakes()).keys()]);
  await r2.guest.run('ip link del wg9');
  const found = await r2.guest.run(`find /etc /root /tmp /usr /var -xdev -type f -exec grep -lFf ${copyOfKey} {} +`);
  expect(found).toBe(`${copyOfKey}\n`);
  expect(await r1.hostPings(r2.hostAddress, 3)).toEqual({ sent: 3, received: 3 });
});
