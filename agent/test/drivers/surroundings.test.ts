/** The networks beside the mesh, out of what netifd of OpenWrt 25.12 was recorded to say. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Fault, type JsonObject, type Ubus } from '../../src/control/ports.ts';
import { connectSurroundings, surroundingsOf } from '../../src/drivers/surroundings.ts';

const path = new URL('../../../qemu-test/standin/vectors/interface-dump.json', import.meta.url);
const recorded = JSON.parse(readFileSync(path, 'utf8')) as { interface: readonly JsonObject[] };

test('a router with a LAN and a WAN', async () => {
  expect(surroundingsOf(recorded, 'rn0', ['lan'])).toMatchObject({
    locals: [{ name: 'lan', device: 'br-lan', prefixes: ['192.168.1.0/24', 'fda7:f927:79d6::/60'] }],
    uplinks: [
      { name: 'wan', device: 'eth1', prefixes: ['10.0.2.0/24'] },
      { name: 'wan6', device: 'eth1', prefixes: [] },
    ],
    uplinkResolvers: ['10.0.2.3'],
  });
});

const bent = (name: string, over: JsonObject): JsonObject => ({
  interface: recorded.interface.map((each) => (each['interface'] === name ? { ...each, ...over } : each)),
});
function tabled(over: JsonObject): JsonObject {
  const route = { target: '0.0.0.0', mask: 0, nexthop: '10.0.2.2', ...over };
  return {
    interface: recorded.interface.map((each) => ({ ...each, route: each['interface'] === 'wan' ? [route] : [] })),
  };
}
test.each([
  ['the mesh itself is none of them', recorded, 'wan', ['lan'], ['wan6'], []],
  ['an interface that is down is none of them', bent('wan', { up: false }), 'rn0', ['lan'], ['wan6'], []],
  ['a second local network is no uplink', recorded, 'rn0', ['lan', 'wan'], ['wan6'], []],
  [
    'DNS servers of a local network are not asked',
    bent('lan', { 'dns-server': ['192.168.1.5'] }),
    'rn0',
    ['lan'],
    ['wan', 'wan6'],
    ['10.0.2.3'],
  ],
  [
    'a server without an address of its own is left out',
    bent('wan', { 'dns-server': ['fe80::1%eth1', 'nonsense'] }),
    'rn0',
    ['lan'],
    ['wan', 'wan6'],
    [],
  ],
])('%s', async (_, dump, mesh, locals, uplinks, resolvers) => {
  const seen = surroundingsOf(dump, mesh, locals);
  expect(seen.uplinks.map(({ name }) => name)).toEqual(uplinks);
  expect(seen.uplinkResolvers).toEqual(resolvers);
});

test('NTP servers that DHCP told of are known with their uplink; what is no address is left out', () => {
  const told = bent('wan', { data: { ntpserver: '203.0.113.5 pool.test 203.0.113.6' } });
  const clocks = ['203.0.113.5', '203.0.113.6'].map((address) => ({ network: 'wan', address }));
  expect(surroundingsOf(told, 'rn0', ['lan']).uplinkClocks).toEqual(clocks);
  expect(surroundingsOf(told, 'rn0', ['lan', 'wan']).uplinkClocks).toEqual([]);
  expect(surroundingsOf(recorded, 'rn0', ['lan']).uplinkClocks).toEqual([]);
});

test.each([
  ['the uplink', recorded, ['lan'], ['eth1']],
  ['no LAN, though its default route leads on', recorded, ['lan', 'wan', 'wan6'], []],
  ['one whose default route is in a table of its own', tabled({ table: '200' }), ['lan'], ['eth1']],
  ['none without a default route, such as a network of guests', tabled({ mask: 8 }), ['lan'], []],
])('by which an exit carries: %s', (_, dump, locals, devices) => {
  expect(surroundingsOf(dump, 'rn0', locals).uplinkDevices).toEqual(devices);
});

test('the MTU is that of the device of the default route with the least metric', async () => {
  const [device = ''] = readdirSync('/sys/class/net').filter((name) => name !== 'lo');
  const mtu = Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8'));
  const by = (metrics: readonly [wan: number, wan6: number]): JsonObject => ({
    interface: recorded.interface.map((each) => {
      const at = ['wan', 'wan6'].indexOf(String(each['interface']));
      const route = { target: '0.0.0.0', mask: 0, nexthop: '10.0.2.2', metric: metrics[at] ?? 0 };
      return at < 0 ? each : { ...each, l3_device: at === 0 ? 'not-there' : device, route: [route] };
    }),
  });
  expect(surroundingsOf(by([10, 5]), 'rn0', ['lan']).uplinkMtu).toBe(mtu);
  expect(surroundingsOf(by([5, 10]), 'rn0', ['lan']).uplinkMtu).toBeUndefined();
});

test('while netifd is away, what it last said holds; before it ever spoke, nothing does', async () => {
  let isAway = true;
  const call = (): Promise<JsonObject> =>
    isAway ? Promise.reject(new Fault('UBUS_NOT_FOUND', 'network.interface', 'away')) : Promise.resolve(recorded);
  const around = connectSurroundings({ call } as unknown as Ubus);
  await expect(around.look('rn0', ['lan'])).rejects.toThrow('away');
  isAway = false;
  const before = await around.look('rn0', ['lan']);
  isAway = true;
  expect(await around.look('rn0', ['lan'])).toEqual(before);
});
