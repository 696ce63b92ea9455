// While an exit is chosen, nothing of the router and of its LAN leaves by the WAN in the clear, whatever fails: IPv4 and
// IPv6, DNS and all else. The witness stands on the WAN, and is shown first to see a leak.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { carriesAgain, fetches, formExit, web } from '../topology/exit.ts';
import { leakAtBoot, pause, startLeaking, watchLeaks } from '../topology/leak.ts';
import type { Mesh } from '../topology/mesh.ts';
import { newerIpk } from '../topology/package.ts';

/** The same cable behind another device of netifd's, by UCI. */
const uplinkOf = (device: string): string => `uci -q batch <<E
set network.wan_bridge=device
set network.wan_bridge.name=br-wan
set network.wan_bridge.type=bridge
set network.wan_bridge.ports=eth0
set network.wan.device=${device}
E
${device === 'eth0' ? 'uci delete network.wan_bridge' : ''}
uci commit network; ubus call network reload; ifup wan`;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formExit();
  await mesh.router('r1').guest.writeFile('/tmp/newer.ipk', await newerIpk());
});
afterAll(() => mesh.stop());

test('without protection all of it is seen: the clear path works, and the witness sees every kind', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('rustynet exit off');
  await r1.reaches('enforced');
  await startLeaking(r1);
  const { leaks } = await watchLeaks(mesh, r1, () => pause(6));
  // Everything is sent in the clear just now, which leaves the router little time.
  await r1.guest.run('rustynet exit r2', { timeoutMs: 180_000 });
  await r1.reaches('enforced');
  const kinds = [
    '1 198.51.100.11 0 > 203.0.113.1 0',
    '6 198.51.100.11',
    '17 198.51.100.11',
    '58 2001:db8:',
    '17 2001:db8:',
  ];
  for (const kind of kinds)
    expect(
      leaks.some((leak) => leak.startsWith(kind)),
      kind,
    ).toBe(true);
  for (const port of ['53', '80', '853'])
    expect(
      leaks.some((leak) => leak.endsWith(` ${port}`)),
      port,
    ).toBe(true);
});

test('with an exit, nothing but sealed packets and lifelines', async () => {
  const r1 = mesh.router('r1');
  const { leaks, sealed } = await watchLeaks(mesh, r1, () => pause(8));
  expect(leaks).toEqual([]);
  expect(sealed).toBeGreaterThan(20);
  expect(await fetches(r1, web)).toBe(true);
});

test.each<[string, string, string]>([
  ['the agent is killed and comes back', 'kill -9 $(cat /var/run/rustynet.pid)', 'true'],
  [
    'the agent is gone and its lease ends',
    'ubus call service delete \'{"name":"rustynet"}\'; nft flush set inet rustynet lease',
    '/etc/init.d/rustynet start',
  ],
  ['the tunnel device is deleted', 'ip link del rn0', 'true'],
  ['the interface is taken down by hand', 'ifdown rn0', 'ifup rn0'],
  ['the network is restarted', '/etc/init.d/network restart', 'true'],
  ['every nft table is flushed: routing alone holds', 'nft flush ruleset', '/etc/init.d/firewall start'],
  ['the firewall is stopped', '/etc/init.d/firewall stop', '/etc/init.d/firewall start'],
  [
    'the rules of routing are gone: nft alone holds',
    'for p in 852 853; do ip rule del priority $p; ip -6 rule del priority $p; done',
    // As the hotplug script does; without a word of anybody it is the next audit tick.
    'ubus call rustynet interface_up \'{"interface":"wan"}\'',
  ],
  ['the service is stopped', '/etc/init.d/rustynet stop', '/etc/init.d/rustynet start'],
  [
    'the uplink flaps',
    'for n in 1 2 3; do ip link set eth0 down; sleep 0.3; ip link set eth0 up; sleep 0.3; done',
    'ifup wan',
  ],
  ['the uplink changes to another device', uplinkOf('br-wan'), uplinkOf('eth0')],
  ['the package is upgraded', 'opkg install /tmp/newer.ipk', 'true'],
])('nothing leaks when %s', async (_, fail, mend) => {
  const r1 = mesh.router('r1');
  const { leaks } = await watchLeaks(mesh, r1, async () => {
    await r1.guest.run(`${fail}; true`);
    await pause(5);
    await r1.guest.run(`${mend}; true`);
    await carriesAgain(mesh);
  });
  expect(leaks).toEqual([]);
});

test('nothing leaks when the exit is gone, and none when it is back', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const { leaks, sealed } = await watchLeaks(mesh, r1, async () => {
    mesh.hub.cut('r2');
    await pause(6);
    const carried = await fetches(r1, web);
    mesh.hub.restore('r2');
    expect(carried).toBe(false);
    await r2.reaches('enforced');
    await carriesAgain(mesh);
  });
  expect(leaks).toEqual([]);
  expect(sealed).toBeGreaterThan(0);
});

test('nothing leaks from the first packet of a boot to the tunnel', async () => {
  const r1 = mesh.router('r1');
  await leakAtBoot(r1);
  const { leaks, sealed } = await watchLeaks(mesh, r1, async () => {
    await r1.guest.reboot();
    await r1.until(({ state }) => state === 'enforced', 'a protected router after its boot', 120_000);
    await pause(5);
  });
  expect(leaks).toEqual([]);
  expect(sealed).toBeGreaterThan(0);
}, 300_000);

test.each([
  ['cannot be loaded', 'echo nonsense >/etc/rustynet/guard/nft; rm -f /etc/rustynet/guard/ip4 /etc/rustynet/guard/ip6'],
  ['is missing', 'rm -rf /etc/rustynet/guard'],
])(
  'nothing leaks at a boot whose guard %s: the router is shut until the agent has set it',
  async (_, spoil) => {
    const r1 = mesh.router('r1');
    await r1.guest.run(`${spoil}; sync`);
    const { leaks } = await watchLeaks(mesh, r1, async () => {
      await r1.guest.reboot();
      await r1.until(({ state }) => state === 'enforced', 'a protected router after its boot', 120_000);
      await carriesAgain(mesh);
    });
    expect(leaks).toEqual([]);
  },
  300_000,
);
