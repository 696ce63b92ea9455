/**
 * The routing layer of the guard at boot and without an agent. In: what the agent wrote for the boot, a netifd that clears
 * the kernel when it starts. Out: rules and routes as `ip` shows them.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GuestRoot, openGuestRoot } from './guest-root.ts';
import { until } from './world.ts';

const metric = 2147483647;
const routing = (any: string, mesh: string): string =>
  [
    `route replace unreachable ${any} table 8507 metric ${metric}`,
    `route replace unreachable ${mesh} table main metric ${metric}`,
    'rule add priority 853 not fwmark 0x10000000/0x10000000 lookup 8507',
    '',
  ].join('\n');
const set =
  'ip -4 rule; ip -6 rule; ip -4 route show table 8507; ip -6 route show table 8507; ip -6 route show fd99::/48';
const seen = [
  '853:\tnot from all fwmark 0x10000000/0x10000000 lookup 8507',
  '853:\tnot from all fwmark 0x10000000/0x10000000 lookup 8507',
  `unreachable default metric ${metric}`,
  `unreachable default dev lo metric ${metric} pref medium`,
  `unreachable fd99::/48 dev lo metric ${metric} pref medium`,
];

let guest: GuestRoot;
beforeAll(async () => {
  guest = await openGuestRoot({
    '/etc/rustynet/guard/ip4': routing('0.0.0.0/0', '10.99.0.0/16'),
    '/etc/rustynet/guard/ip6': routing('::/0', 'fd99::/48'),
  });
}, 60_000);
afterAll(() => guest.close());

async function guarding(): Promise<readonly string[]> {
  const { out } = await guest.run(set);
  const lines = out.split('\n').map((line) => line.replace(' error -101', '').trimEnd());
  return lines.filter((line) => /^853:|^unreachable/.test(line));
}
const isGuarded = async (): Promise<boolean> => (await guarding()).join('\n') === seen.join('\n');

/** Until netifd has cleared the kernel, of IPv6 last. */
async function restartNetwork(): Promise<void> {
  await guest.run('ip -6 rule add priority 900 lookup main; /etc/init.d/network restart');
  await until('a netifd that clears', async () => !(await guest.run('ip -6 rule')).out.includes('900:'));
}

test('stands after the boot, though netifd has started after it was set', async () => {
  await until('the guard', isGuarded);
  expect((await guest.run('ip rule')).out).toMatch(
    /^0:\tfrom all lookup local\n853:.*\n32766:.*main\n32767:.*default\n$/,
  );
});

test('is set again after the network was restarted, and not when another interface comes up', async () => {
  await restartNetwork();
  await until('the guard', isGuarded);
  await guest.run('ip rule del priority 853; ACTION=ifup INTERFACE=wan DEVICE=eth0 /sbin/hotplug-call iface');
  expect(await isGuarded()).toBe(false);
  await guest.run('ACTION=ifup INTERFACE=loopback DEVICE=lo /sbin/hotplug-call iface');
  expect(await isGuarded()).toBe(true);
});

test('is not set by an upgrade, over what the agent has made of it since', async () => {
  await guest.run('ip rule del priority 853');
  expect(await guest.run('PKG_UPGRADE=1 /etc/init.d/rustynet-guard start')).toEqual({ status: 0, out: '' });
  expect(await isGuarded()).toBe(false);
  await guest.run('/etc/init.d/rustynet-guard start');
  expect(await isGuarded()).toBe(true);
});

test.each([
  ['with an exit chosen', 'uci set rustynet.main.exit=full; uci commit rustynet', true, 'rustynet_guard'],
  [
    'with settings that a torn file lost',
    'cp /etc/config/rustynet /tmp; : >/etc/config/rustynet',
    true,
    'rustynet_guard',
  ],
  ['and shuts the router where it cannot be loaded, then too', 'true', false, 'rustynet_guard shut'],
  ['and with the exit chosen', 'cp /tmp/rustynet /etc/config', false, 'rustynet_guard shut'],
])('loads what the agent wrote for nft %s', async (_, settings, isWhole, wanted) => {
  await guest.run(`nft delete table inet rustynet_guard; ${settings}; mkdir -p /etc/rustynet/guard`);
  const text = isWhole ? 'add table inet rustynet_guard' : 'nonsense';
  await guest.run(`echo '${text}' >/etc/rustynet/guard/nft; /usr/lib/rustynet/guard up`);
  const { out } = await guest.run('nft list tables; nft list table inet rustynet_guard');
  const tables = out.includes('chain') ? 'rustynet_guard shut' : 'rustynet_guard';
  expect([out.includes('table inet rustynet_guard'), tables]).toEqual([true, wanted]);
});

test('and not where the agent is turned off', async () => {
  await guest.run('uci set rustynet.main.enabled=0; uci commit rustynet');
  await restartNetwork();
  await guest.run('ACTION=ifup INTERFACE=loopback DEVICE=lo /sbin/hotplug-call iface');
  expect((await guarding()).filter((line) => line.startsWith('853:'))).toEqual([]);
});
