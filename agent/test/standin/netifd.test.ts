/**
 * The stand-in of netifd with our protocol handler, on a real kernel.
 * In: updates by notify_proto, as the agent sends them, and commands. Out: addresses, routes and links as `ip` shows
 * them, compared row by row with netifd-proto-handler.md. The link rn0 is a veth here: this machine need not have
 * WireGuard.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BusClient } from '../../../qemu-test/standin/bus/client.ts';
import { socketLink } from '../../../qemu-test/standin/bus/link.ts';
import type { JsonTable } from '../../src/wire/blobmsg.ts';
import { type GuestRoot, openGuestRoot } from './guest-root.ts';
import { until } from './world.ts';

const network =
  "config interface 'lan'\n\toption device 'lo'\n\toption proto 'none'\n\nconfig interface 'rn0'\n\toption proto 'rustynet'\n";

let guest: GuestRoot;
let bus: BusClient;
const asked: string[] = [];
const heard: { readonly event: string; readonly data: JsonTable }[] = [];

beforeAll(async () => {
  guest = await openGuestRoot({ '/etc/config/network': network });
  bus = new BusClient(socketLink(guest.socketPath));
  await bus.ready;
  await bus.subscribe('network.interface', (event, data) => heard.push({ event, data }));
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

async function notify(message: JsonTable): Promise<number> {
  return (await bus.call('network.interface', 'notify_proto', { interface: 'rn0', ...message })).status;
}

const routes = [{ target: '10.100.0.0', netmask: '16' }];
const full: JsonTable = {
  action: 0,
  ifname: 'rn0',
  'link-up': true,
  ipaddr: [{ ipaddr: '10.100.0.1', mask: '32' }],
  ip6addr: [{ ipaddr: 'fd00:aa::1', mask: '128' }],
  routes,
  routes6: [{ target: 'fd00:aa::', netmask: '48' }],
};
const linkIndex = (): Promise<string> => show('ip -o link show rn0 | cut -d: -f1');
const addresses = (): Promise<string> => show("ip -o addr show dev rn0 scope global | awk '{print $4}'");
const routesOf = (device: string): Promise<string> => show(`ip route show dev ${device}`);
const linkState = async (): Promise<string> => (/<[^>]*\bUP\b/.test(await show('ip link show rn0')) ? 'UP' : 'DOWN');
const allSet = { addresses: '10.100.0.1/32\nfd00:aa::1/128', routes: '10.100.0.0/16 proto static scope link' };
const kernelOf = async (): Promise<object> => ({ addresses: await addresses(), routes: await routesOf('rn0') });

describe('proto rustynet, row by row of netifd-proto-handler.md', () => {
  it('without an agent: pending, AGENT_NOT_RUNNING, no link', async () => {
    await until('the end of the handler', async () => (await status('rn0'))['autostart'] === false);
    expect(await status('rn0')).toMatchObject({
      up: false,
      pending: true,
      proto: 'rustynet',
      errors: [{ subsystem: 'rustynet', code: 'AGENT_NOT_RUNNING' }],
    });
    expect((await guest.run('ip link show rn0')).status).not.toBe(0);
  });

  it('an update for a link that is not there is UNKNOWN_ERROR', async () => {
    expect(await notify(full)).toBe(9);
  });

  it('link made, then an update: up, no error, addresses and routes set', async () => {
    await guest.run('ip link add rn0 type veth peer name rn1 && ip link set rn1 up');
    expect(await notify(full)).toBe(0);
    const { up, errors, l3_device: device } = await status('rn0');
    expect({ up, errors, device }).toEqual({ up: true, errors: undefined, device: 'rn0' });
    expect(await kernelOf()).toEqual(allSet);
    expect(await show('ip -6 route show fd00:aa::/48')).toContain('dev rn0 proto static');
    await until('interface.update', () =>
      heard.some(({ event, data }) => event === 'interface.update' && data['interface'] === 'rn0'),
    );
  });

  it('ifup without an agent: link DOWN, addresses and routes gone; the next update restores all', async () => {
    heard.length = 0;
    const events: JsonTable[] = [];
    await bus.listen('network.interface', (_event, data) => events.push(data));
    expect((await guest.run('ifup rn0')).status).toBe(0);
    await until('the error', async () => (await status('rn0'))['errors'] !== undefined);
    expect(await kernelOf()).toEqual({ addresses: '', routes: '' });
    expect(await linkState()).toBe('DOWN');
    // Said twice, as recorded: when teardown begins and when it is done.
    expect(heard.map(({ event }) => event)).toEqual(['interface.down', 'interface.down']);
    expect(events).toEqual(Array(2).fill({ action: 'ifdown', interface: 'rn0' }));
    expect(await notify(full)).toBe(0);
    expect(await kernelOf()).toEqual(allSet);
  });

  it('one route more, then less: exactly that, the link stays', async () => {
    const index = await linkIndex();
    expect(index).toMatch(/^\d+$/);
    await notify({ ...full, routes: [...routes, { target: '10.55.0.0', netmask: '255.255.0.0' }] });
    expect(await routesOf('rn0')).toBe('10.55.0.0/16 proto static scope link\n10.100.0.0/16 proto static scope link');
    await notify(full);
    expect(await kernelOf()).toEqual(allSet);
    expect(await linkIndex()).toBe(index);
  });

  it('keep adds to what was there', async () => {
    await notify({
      action: 0,
      ifname: 'rn0',
      'link-up': true,
      keep: true,
      routes: [{ target: '10.56.0.0', netmask: '16' }],
    });
    expect(await routesOf('rn0')).toContain('10.56.0.0/16 proto static scope link');
    expect(await addresses()).toBe(allSet.addresses);
    await notify(full);
    expect(await kernelOf()).toEqual(allSet);
  });

  it('a route that does not parse is passed over with status 0, the good ones are set', async () => {
    const bad = {
      ...full,
      routes: [{ target: 'nonsense', netmask: '16' }, { target: '10.57.0.0', netmask: '16' }, ...routes],
    };
    expect(await notify(bad)).toBe(0);
    expect(await routesOf('rn0')).toBe('10.57.0.0/16 proto static scope link\n10.100.0.0/16 proto static scope link');
    await notify(full);
  });

  it.each([
    ['without link-up', { action: 0 }, 2],
    ['without an action', {}, 2],
    ['for an interface that nobody has', { interface: 'nosuch', action: 0 }, 4],
  ])('an update %s is refused', async (_sentence, message, code) => {
    expect((await bus.call('network.interface', 'notify_proto', { interface: 'rn0', ...message })).status).toBe(code);
  });

  it('reload with nothing changed, and with another section changed, touches nothing', async () => {
    const index = await linkIndex();
    await guest.run(
      'ubus call network reload; uci set network.lan.mtu=1400; uci commit network; ubus call network reload',
    );
    expect(await kernelOf()).toEqual(allSet);
    expect(await linkIndex()).toBe(index);
  });

  it('a changed metric makes the routes anew with it and keeps the link', async () => {
    const index = await linkIndex();
    await guest.run('uci set network.rn0.metric=7; uci commit network; ubus call network reload');
    expect(await routesOf('rn0')).toBe('10.100.0.0/16 proto static scope link metric 7');
    await guest.run('uci delete network.rn0.metric; uci commit network; ubus call network reload');
    expect(await kernelOf()).toEqual(allSet);
    expect(await linkIndex()).toBe(index);
  });

  it('a link deleted behind netifd: it says up, an update alone sets nothing, false before true does', async () => {
    await guest.run(
      'ip link del rn0; ip link add rn0 type veth peer name rn1 && ip link set rn1 up && ip link set rn0 up',
    );
    expect((await status('rn0'))['up']).toBe(true);
    expect(await notify(full)).toBe(0);
    expect(await kernelOf()).toEqual({ addresses: '', routes: '' });
    expect(await notify({ action: 0, ifname: 'rn0', 'link-up': false })).toBe(0);
    expect(await linkState()).toBe('DOWN');
    expect((await status('rn0'))['up']).toBe(false);
    expect(await notify(full)).toBe(0);
    expect(await kernelOf()).toEqual(allSet);
  });

  it('the network restarted: pending, the error, link DOWN; objects have new ids; an update restores', async () => {
    const id = async (): Promise<number | undefined> => (await bus.lookup('network.interface.rn0'))[0]?.id;
    const old = await id();
    await guest.run('/etc/init.d/network restart');
    await until('the error', async () => (await status('rn0'))['errors'] !== undefined);
    expect(await linkState()).toBe('DOWN');
    expect(await id()).not.toBe(old);
    expect(await notify(full)).toBe(0);
    expect(await kernelOf()).toEqual(allSet);
  });

  it('2,000 routes in one update are set', async () => {
    const many = Array.from({ length: 2000 }, (_, index) => ({
      target: `10.${200 + (index >> 8)}.${index & 255}.0`,
      netmask: '24',
    }));
    expect(await notify({ ...full, routes: many })).toBe(0);
    expect(await show('ip route show dev rn0 | wc -l')).toBe('2000');
    await notify(full);
    expect(await kernelOf()).toEqual(allSet);
  });

  it('with an agent: it is asked to bring the interface up and down, and its update may come before its answer', async () => {
    const provider = new BusClient(socketLink(guest.socketPath));
    await provider.ready;
    const method = (name: string): Parameters<BusClient['publish']>[1][string] => ({
      args: { interface: 'String' },
      run: async (args) => {
        asked.push(`${name} ${String(args['interface'])}`);
        if (name === 'interface_up') expect(await notify(full)).toBe(0);
        return {};
      },
    });
    await provider.publish('rustynet', {
      interface_up: method('interface_up'),
      interface_down: method('interface_down'),
    });
    await guest.run('ifup rn0');
    await until('up', async () => (await status('rn0'))['up'] === true);
    expect(asked).toEqual(['interface_down rn0', 'interface_up rn0']);
    expect(await kernelOf()).toEqual(allSet);
    await guest.run('ifdown rn0');
    await until('down', async () => (await status('rn0'))['pending'] === false && (await linkState()) === 'DOWN');
    expect(asked.at(-1)).toBe('interface_down rn0');
    expect(await status('rn0')).toMatchObject({ up: false, autostart: false });
    await guest.run('ifup rn0');
    await until('up', async () => (await status('rn0'))['up'] === true);
    provider.close();
  });
});

describe('a bridge of UCI', () => {
  const masterOf = (port: string): Promise<string> =>
    show(`ip -o link show ${port} | grep -o 'master [^ ]*' || echo free`);
  it('takes its ports when an interface claims it, and gives them back when none does', async () => {
    await guest.run('ip link add port0 type veth peer name port1');
    const settings = [
      ['b', 'device', 'name=br-up', 'type=bridge', 'ports=port0'],
      ['up', 'interface', 'proto=none', 'device=br-up'],
    ];
    const lines = settings.flatMap(([section = '', type = '', ...options]) => [
      `set network.${section}=${type}`,
      ...options.map((option) => `set network.${section}.${option}`),
    ]);
    await guest.run(`uci batch <<E\n${lines.join('\n')}\ncommit network\nE\nubus call network reload`);
    await until('the bridge in use', async () => (await masterOf('port0')) === 'master br-up');
    await guest.run(
      'uci delete network.b; uci set network.up.device=port0; uci commit network; ubus call network reload',
    );
    await until('the port in use', async () => (await status('up'))['device'] === 'port0');
    expect(await masterOf('port0')).toBe('free');
  });
});
