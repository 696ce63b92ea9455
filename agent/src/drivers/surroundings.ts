/**
 * The networks beside the mesh. In: the names that the router calls local. Out: prefixes and devices of these and of the
 * others; of these their devices of default routes, DNS and NTP servers, the MTU of the device that the default route
 * leaves by. From netifd's `network.interface dump` (vectors/openwrt-25.12-netifd.md); what netifd knows goes by the
 * kernel's names of devices.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Fault, type Json, type JsonObject, type Surroundings, type ToldClock, type Ubus } from '../control/ports.ts';
import type { LocalNetwork } from '../plan/observed.ts';
import { formatIp, parseIp, rangeOf } from '../trust/ip.ts';
import type { Cidr, Ip } from '../trust/types.ts';

type Seen = Awaited<ReturnType<Surroundings['look']>>;

function objects(value: Json | undefined): readonly JsonObject[] {
  const list = Array.isArray(value) ? (value as readonly Json[]) : [];
  return list.filter((each): each is JsonObject => typeof each === 'object' && each !== null && !Array.isArray(each));
}

function prefixOf({ address, mask }: JsonObject): readonly Cidr[] {
  const ip = typeof address === 'string' ? parseIp(address) : undefined;
  if (ip === undefined || typeof mask !== 'number') return [];
  const { family, first } = rangeOf(ip);
  const host = BigInt((family === 4 ? 32 : 128) - mask);
  return [`${formatIp(family, (first >> host) << host)}/${mask}` as Cidr];
}

/** An interface may have its prefix assigned (`local-address`) or set. */
function networkOf(entry: JsonObject): LocalNetwork | undefined {
  const { interface: name, l3_device: device, up } = entry;
  if (up !== true || typeof name !== 'string' || typeof device !== 'string' || device === 'lo') return undefined;
  const assigned = objects(entry['ipv6-prefix-assignment']).flatMap((each) => objects([each['local-address'] ?? null]));
  const addresses = [...objects(entry['ipv4-address']), ...objects(entry['ipv6-address']), ...assigned];
  return { name, device, prefixes: [...new Set(addresses.flatMap(prefixOf))].sort() };
}

function resolversOf(entry: JsonObject): readonly Ip[] {
  const servers = entry['dns-server'];
  const list = Array.isArray(servers) ? (servers as readonly Json[]) : [];
  // A link-local address with its interface is not one that a rule can name.
  return list.flatMap((each) => (typeof each === 'string' ? (parseIp(each) ?? []) : []));
}

/** DHCP's option 42, as netifd's dhcp.script gives it: a text of addresses. */
function clocksOf({ interface: network, data }: JsonObject): readonly ToldClock[] {
  const [{ ntpserver = '' } = {}] = objects([data ?? null]);
  const addresses = String(ntpserver)
    .split(' ')
    .flatMap((each) => parseIp(each) ?? []);
  return addresses.map((address) => ({ network: String(network), address }));
}

function defaultRoutes(entry: JsonObject): readonly JsonObject[] {
  return objects(entry['route']).filter(({ target, mask }) => mask === 0 && (target === '0.0.0.0' || target === '::'));
}

/** The device of the default route with the least metric. */
function defaultDevice(entries: readonly JsonObject[]): string | undefined {
  const paths = entries.flatMap((entry) =>
    defaultRoutes(entry)
      .filter(({ table }) => table === undefined)
      .map(({ metric }) => ({ device: entry['l3_device'], metric: typeof metric === 'number' ? metric : 0 })),
  );
  const [best] = paths.sort((a, b) => a.metric - b.metric);
  return typeof best?.device === 'string' ? best.device : undefined;
}

function mtuOf(device: string): number | undefined {
  const path = `/sys/class/net/${device}/mtu`;
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
}

export function surroundingsOf(dump: JsonObject, name: string, localNetworks: readonly string[]): Seen {
  const others = objects(dump['interface']).filter((entry) => entry['interface'] !== name);
  const isLocal = (entry: JsonObject): boolean => localNetworks.includes(String(entry['interface']));
  const up = others.filter((entry) => networkOf(entry) !== undefined);
  const [locals, uplinks] = [up.filter(isLocal), up.filter((entry) => !isLocal(entry))];
  const networks = (entries: readonly JsonObject[]): LocalNetwork[] => entries.flatMap((each) => networkOf(each) ?? []);
  const device = defaultDevice(uplinks);
  const uplinkMtu = device === undefined ? undefined : mtuOf(device);
  return {
    locals: networks(locals),
    uplinks: networks(uplinks),
    uplinkDevices: [
      ...new Set(networks(uplinks.filter((each) => defaultRoutes(each).length > 0)).map(({ device: each }) => each)),
    ],
    uplinkResolvers: [...new Set(uplinks.flatMap(resolversOf))],
    uplinkClocks: uplinks.flatMap(clocksOf),
    ...(uplinkMtu === undefined ? {} : { uplinkMtu }),
  };
}

export function connectSurroundings(ubus: Ubus): Surroundings {
  let last: JsonObject | undefined;
  return {
    look: async (name, localNetworks) => {
      try {
        last = await ubus.call('network.interface', 'dump');
      } catch (error) {
        // While netifd or the bus restarts, what it last said holds: networks do not go away with it.
        if (!(error instanceof Fault) || last === undefined) throw error;
      }
      return surroundingsOf(last, name, localNetworks);
    },
  };
}
