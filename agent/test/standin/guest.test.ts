/**
 * The whole of the stand-ins on a real kernel: boot, init scripts, fw4, the commands, as a guest would run them.
 * In: the files of a guest, /lab/boot, commands. Out: addresses and routes as `ip` shows them, the ruleset as `nft`
 * shows it, compared with openwrt-25.12-firewall4.md and openwrt-25.12-ubus-objects.md.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BusClient } from '../../../qemu-test/standin/bus/client.ts';
import { socketLink } from '../../../qemu-test/standin/bus/link.ts';
import type { JsonTable } from '../../src/wire/blobmsg.ts';
import { type GuestRoot, openGuestRoot } from './guest-root.ts';
import { until } from './world.ts';

const network = `
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	list ipaddr '127.0.0.1/8'

config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'lan0'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	list ipaddr '192.168.1.1/24'
	option ip6addr 'fd01::1/64'

config interface 'wan'
	option device 'wan0'
	option proto 'static'
	option ipaddr '203.0.113.2'
	option netmask '255.255.255.0'
	option gateway '203.0.113.1'
	option dns '203.0.113.53'

config interface 'later'
	option auto '0'
	option device 'lo'
	option proto 'none'
`;
const before = `ip link add lan0 type veth peer name lan1
ip link add wan0 type veth peer name wan1
ip link set lan1 up
ip link set wan1 up`;

/** What the agent sets when it joins. */
const installed = `cat >>/etc/config/network <<X
config interface 'rn0'
	option proto 'rustynet'

X
cat >>/etc/config/firewall <<X
config zone 'rustynet'
	option name 'rustynet'
	list network 'rn0'
	option input 'REJECT'
	option output 'REJECT'
	option forward 'REJECT'

config rule 'rustynet_output'
	option name 'rustynet-granted-output'
	option dest 'rustynet'
	option proto 'all'
	option mark '0x08000000/0x08000000'
	option target 'ACCEPT'

config rule 'rustynet_input'
	option src 'rustynet'
	option proto 'all'
	option mark '0x08000000/0x08000000'
	option target 'ACCEPT'

X
`;

let guest: GuestRoot;
let bus: BusClient;

beforeAll(async () => {
  // The links are there before netifd is, as a router's are.
  const links = `#!/bin/sh /etc/rc.common\nSTART=10\nstart() {\n${before}\n}\n`;
  guest = await openGuestRoot({
    '/etc/config/network': network,
    '/etc/init.d/links': links,
    '/lab/installed': installed,
  });
  bus = new BusClient(socketLink(guest.socketPath));
  await bus.ready;
}, 60_000);
afterAll(async () => {
  bus.close();
  await guest.close();
});

async function show(command: string): Promise<string> {
  return (await guest.run(command)).out.trim().replaceAll(/ +\n/g, '\n');
}

async function status(name: string): Promise<JsonTable> {
  return (await bus.call(`network.interface.${name}`, 'status')).data ?? {};
}

describe('boot', () => {
  it('says nothing and ends with 0', () => {
    expect(guest.boot).toEqual({ status: 0, out: '' });
  });

  it('puts addresses and the default route of static interfaces into the kernel, and ports into the bridge', async () => {
    expect(await show("ip -o addr show scope global | awk '{print $2, $4}' | sort")).toBe(
      'br-lan 192.168.1.1/24\nbr-lan fd01::1/64\nwan0 203.0.113.2/24',
    );
    expect(await show('ip route show default')).toBe('default via 203.0.113.1 dev wan0 proto static');
    expect(await show("ip -o link show master br-lan | awk '{print $2}'")).toBe('lan0@lan1:');
    expect(await show('cat /tmp/resolv.conf.d/resolv.conf.auto')).toBe('# Interface wan\nnameserver 203.0.113.53');
  });

  it('shows an interface with the recorded keys in their order, and leaves one with auto 0 alone', async () => {
    const keys =
      'up pending available autostart dynamic uptime l3_device proto device updated metric dns_metric delegation ' +
      'ipv4-address ipv6-address ipv6-prefix ipv6-prefix-assignment route dns-server dns-search neighbors inactive data';
    expect(Object.keys(await status('wan')).join(' ')).toBe(keys);
    expect((await status('wan'))['route']).toEqual([
      { target: '0.0.0.0', mask: 0, nexthop: '203.0.113.1', source: '0.0.0.0/0' },
    ]);
    expect(await status('later')).toMatchObject({ up: false, pending: false, autostart: false });
  });

  it('is not changed by installing the package: no interface, no zone, no port', async () => {
    expect(await show('uci show network | grep -c rustynet; uci show firewall | grep -c rustynet')).toBe('0\n0');
    expect(await show('ubus call service get_data \'{"type":"firewall"}\'')).toBe('{\n\t\n}');
  });

  it('opens the port of a router that joined, without a write to UCI, and another port when it is set', async () => {
    const ports = (): Promise<string> => show("nft list chain inet fw4 input_wan | grep -oE 'udp dport 5[0-9]{4}'");
    const reload = 'uci commit rustynet; /etc/init.d/rustynet reload';
    const before = await show('cat /etc/config/firewall');
    await guest.run(`uci set rustynet.main.network=x; ${reload}`);
    await until('the port', async () => (await ports()) === 'udp dport 51820');
    await guest.run(`uci set rustynet.main.listen_port=51999; ${reload}`);
    await until('the other port', async () => (await ports()) === 'udp dport 51999');
    await guest.run(`uci set rustynet.main.listen_port=1-65535; ${reload}`);
    await until('no port for what is none', async () => (await ports()) === '');
    await guest.run(`uci delete rustynet.main.network; uci set rustynet.main.listen_port=51820; ${reload}`);
    await until('no port', async () => (await ports()) === '');
    expect(await show('cat /etc/config/firewall')).toBe(before);
  });

  it('is as it was after the script that uninstalls, and a second run changes nothing', async () => {
    await guest.run(
      'uci set network.lan.x=1; uci set firewall.x=y; uci commit; uci delete network.lan.x; uci delete firewall.x; uci commit',
    );
    const state = (): Promise<string> =>
      show('cat /etc/config/network /etc/config/firewall; nft list tables; ls /tmp/hosts /tmp/dnsmasq*.d');
    const before = await state();
    // As the agent's commits do: what reload_config compares with is still of the boot.
    const told = 'ubus call network reload; fw4 reload';
    await guest.run(`sh /lab/installed; ${told}; nft add table inet rustynet; touch /tmp/hosts/rustynet`);
    expect(await state()).not.toBe(before);
    // What no rule leads to, fw4 leaves until it is restarted.
    const seen = (): Promise<string> => show('ubus list; nft list ruleset | grep jump');
    expect(await seen()).toMatch(/network\.interface\.rn0\n(.*\n)*.*rustynet/);
    expect(await guest.run('/usr/lib/rustynet/uninstall')).toEqual({ status: 0, out: '' });
    expect(await state()).toBe(before);
    await until('neither interface nor zone', async () => !/rn0|_rustynet/.test(await seen()));
    expect(await guest.run('/usr/lib/rustynet/uninstall')).toEqual({ status: 0, out: '' });
    expect(await state()).toBe(before);
  });

  it('enables the init scripts, and supervises the agent: tried again for ever', async () => {
    expect(await show('ls /etc/rc.d')).toContain('S95rustynet');
    const { data } = await bus.call('service', 'list', { name: 'rustynet' });
    expect(data).toMatchObject({
      rustynet: {
        instances: {
          instance1: {
            command: [
              '/usr/bin/node',
              '--use-openssl-ca',
              '--max-old-space-size=64',
              '--single-threaded',
              '--expose-gc',
              '/usr/lib/rustynet/rustynet.js',
              'daemon',
            ],
            respawn: { threshold: 3600, timeout: 5, retry: 0 },
          },
        },
      },
    });
    expect((await guest.run('/etc/init.d/rustynet stop; /etc/init.d/rustynet status')).out).toContain('inactive');
  });

  it('is ended and begun by its setting, with a reload', async () => {
    const set = (enabled: number): Promise<unknown> =>
      guest.run(`uci set rustynet.main.enabled=${enabled}; uci commit rustynet; /etc/init.d/rustynet reload`);
    const running = async (): Promise<boolean> => (await guest.run('pgrep -f "[r]ustynet.js daemon"')).status === 0;
    await guest.run('/etc/init.d/rustynet start');
    await until('the agent', running);
    await set(0);
    expect(await running()).toBe(false);
    await set(1);
    await until('the agent again', running);
    await guest.run('/etc/init.d/rustynet stop');
  });

  it('stays stopped where a change of its settings asks for a reload meanwhile', async () => {
    const pids = 'pgrep -f "[r]ustynet.js daemon"';
    await guest.run('/etc/init.d/rustynet start');
    await until('the agent', async () => (await guest.run(pids)).status === 0);
    await guest.run('/etc/init.d/rustynet stop & sleep 0.2; /etc/init.d/rustynet reload; wait');
    expect(await guest.run(pids)).toMatchObject({ status: 1, out: '' });
    expect((await guest.run('/etc/init.d/rustynet status')).out).toContain('inactive');
  });
});

describe('fw4 on the kernel', () => {
  beforeAll(async () => {
    await guest.run('sh /lab/installed; ubus call network reload; ip link add rn0 type veth peer name rn1');
    const update = { interface: 'rn0', action: 0, ifname: 'rn0', 'link-up': true };
    expect((await bus.call('network.interface', 'notify_proto', update)).status).toBe(0);
  });

  it('while rn0 is up its zone is jumped to, marked packets are accepted, all others rejected', async () => {
    await until('the reload by hotplug', async () =>
      (await show('nft list ruleset')).includes('iifname "rn0" jump input_rustynet'),
    );
    const ruleset = await show('nft list chain inet fw4 input_rustynet; nft list chain inet fw4 output_rustynet');
    expect(ruleset).toMatch(/meta mark & 0x08000000 == 0x08000000 counter packets \d+ bytes \d+ accept/);
    expect(ruleset).toMatch(/jump accept_to_rustynet comment "!fw4: rustynet-granted-output"/);
    expect(ruleset).toContain('jump reject_from_rustynet');
    expect(await show('fw4 check')).toBe('Ruleset passes nftables check.');
  });

  it.each([
    ['fw4 reload', true],
    ['fw4 restart', true],
    ['/etc/init.d/firewall restart', true],
    ['fw4 flush', false],
  ])('a table of our own and `%s`: survives %s', async (command, survives) => {
    await guest.run('nft add table inet ours');
    expect((await guest.run(command)).status).toBe(0);
    expect((await show('nft list tables')).includes('table inet ours')).toBe(survives);
  });

  it('after a flush it is loaded again by start, and not twice', async () => {
    expect((await guest.run('fw4 start')).status).toBe(0);
    expect(await guest.run('fw4 start')).toEqual({
      status: 1,
      out: 'The fw4 firewall appears to be already loaded.\n',
    });
    expect(await show('nft list tables')).toBe('table inet fw4');
  });

  it('a commit through rpcd makes procd reload the firewall; the command needs reload_config', async () => {
    await bus.call('uci', 'set', { config: 'firewall', section: 'rustynet', values: { mtu_fix: '1' } });
    await bus.call('uci', 'commit', { config: 'firewall' });
    await until('the clamp', async () =>
      (await show('nft list ruleset')).includes('Zone rustynet IPv4/IPv6 egress MTU fixing'),
    );
    await guest.run('reload_config; uci set firewall.rustynet.mtu_fix=0; uci commit firewall; reload_config');
    await until('no clamp', async () => !(await show('nft list ruleset')).includes('Zone rustynet'));
  });
});

describe('the commands', () => {
  it.each([
    ['a path that nobody has', 'ubus call nosuch x', 252, 'Command failed: ubus call nosuch x (Not found)\n'],
    [
      'a method that is not there',
      'ubus call uci nosuch',
      253,
      'Command failed: ubus call uci nosuch (Method not found)\n',
    ],
    ['an event', 'ubus send rn.x \'{"a":1}\'', 0, ''],
    ['an object that is there already', 'ubus -t 5 wait_for network.interface uci', 0, ''],
    ['an object that does not come', 'ubus -t 1 wait_for nosuch', 249, 'Command failed: Request timed out\n'],
    ['an indented reply with an empty list', 'ubus call uci changes', 0, '{\n\t"changes": {\n\t\t\n\t}\n}\n'],
    ['a listener that is ended early', 'ubus listen & sleep 0.3; kill $!; wait $!', 143, ''],
    [
      'a value with a space',
      "uci set system.@system[0].hostname='a b'; uci get system.@system[0].hostname",
      0,
      'a b\n',
    ],
  ])('%s', async (_sentence, script, code, out) => {
    expect(await guest.run(script)).toEqual({ status: code, out });
  });

  it('a call leaves nothing behind', async () => {
    await until('no files of calls', async () => (await show('ls /run/standin')) === 'pid\nrequests');
  });
});
