/**
 * netifd, which owns addresses and routes. In: full sets. Out: what the kernel has, read from /proc and /sys, because
 * netifd answers 0 whatever became of a route (vectors/netifd-proto-handler.md). Calls: `network.interface notify_proto`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { Fault, type Network, type Ubus } from '../control/ports.ts';
import type { Link } from '../plan/observed.ts';
import { pathMetric } from '../plan/routing.ts';
import { formatIp } from '../trust/ip.ts';

/** Interface flag IFF_UP of if.h. */
const flagUp = 1;
/** RTF_LOCAL of ipv6_route.h: an address of this machine, not a route that anyone set. */
const flagLocal = 0x80000000;
const flagRejected = 0x200;

/** A network that this router is itself connected to (metric 0) is never taken over by a member that routes the same. */
const routeMetric = 1024;

function routeTo(prefix: string): { target: string; netmask: string; metric: number } {
  const [target = '', netmask = ''] = prefix.split('/');
  return { target, netmask, metric: routeMetric };
}

function isV6(text: string): boolean {
  return text.includes(':');
}

/** The numbers of /proc/net/route stand in the byte order of the machine: little-endian wherever OpenWrt has Node. */
function hexV4(hex: string): bigint {
  return BigInt(`0x${(hex.match(/../g) ?? []).reverse().join('')}`);
}

/** Lines of /proc/net/route: interface, destination, gateway, flags, ..., mask as the eighth field. */
function routesV4(text: string, name: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [dev, destination, , flags, , , , mask] = line.split('\t');
    if (dev !== name || destination === undefined || mask === undefined) return [];
    if ((Number.parseInt(flags ?? '0', 16) & flagRejected) !== 0) return [];
    const length = [...hexV4(mask).toString(2)].filter((bit) => bit === '1').length;
    return [`${formatIp(4, hexV4(destination))}/${length}`];
  });
}

/**
 * Lines of /proc/net/ipv6_route: destination, prefix length, ..., metric as the sixth field, flags as the ninth, interface.
 * They are of all tables: the default route into the tunnel stands in a table of its own (routing.ts).
 */
function routesV6(text: string, name: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [destination = '', length = '', , , , metric = '', , , flags = '0', dev] = line.trim().split(/\s+/);
    if (dev !== name || (Number.parseInt(flags, 16) & (flagLocal | flagRejected)) !== 0) return [];
    if (length === '00' && Number.parseInt(metric, 16) === pathMetric) return [];
    const target = formatIp(6, BigInt(`0x${destination}`));
    return target.startsWith('fe80:') || target.startsWith('ff') ? [] : [`${target}/${Number.parseInt(length, 16)}`];
  });
}

/** The kernel's own memory, read at once: a thread to wait for costs more. */
function readLink(name: string): Link | undefined {
  const folder = `/sys/class/net/${name}`;
  if (!existsSync(folder)) return undefined;
  const text = (path: string): string => readFileSync(path, 'utf8');
  const v6 = existsSync('/proc/net/ipv6_route') ? text('/proc/net/ipv6_route') : '';
  const addresses = (networkInterfaces()[name] ?? []).map(({ address }) => address);
  const hosts = new Set(addresses.map((address) => `${address}/${isV6(address) ? 128 : 32}`));
  return {
    kind: /^DEVTYPE=(.*)$/m.exec(text(`${folder}/uevent`))?.[1] ?? 'another kind of device',
    up: (Number.parseInt(text(`${folder}/flags`), 16) & flagUp) !== 0,
    mtu: Number(text(`${folder}/mtu`)),
    addresses: addresses.filter((address) => !address.startsWith('fe80:')),
    routes: [...routesV4(text('/proc/net/route'), name), ...routesV6(v6, name)].filter((route) => !hosts.has(route)),
  };
}

/** netifd reads /lib/netifd/proto when it starts, and never again (proto_shell_init). */
function explained(error: unknown, name: string): unknown {
  if (!(error instanceof Fault) || error.code !== 'UBUS_NOT_SUPPORTED') return error;
  const message = 'wanted netifd to know the protocol rustynet, got none: run "service network restart", or reboot';
  return new Fault('PROTOCOL_UNKNOWN', name, message, error);
}

export function connectNetifd(ubus: Ubus): Network {
  const notify = async (name: string, fields: Record<string, boolean | object[]>): Promise<void> => {
    const own = { interface: name, action: 0, ...(fields as Record<string, boolean>), ifname: name };
    await ubus.call('network.interface', 'notify_proto', own).catch((error: unknown) => {
      throw explained(error, name);
    });
  };
  return {
    link: async (name) => Promise.resolve(readLink(name)),
    address: async (name, addresses, routes, renewed) => {
      if (renewed) await notify(name, { 'link-up': false });
      const list = (v6: boolean): object[] =>
        addresses.filter((each) => isV6(each) === v6).map((ipaddr) => ({ ipaddr, mask: v6 ? '128' : '32' }));
      const paths = (v6: boolean): object[] => routes.filter((each) => isV6(each) === v6).map(routeTo);
      await notify(name, {
        'link-up': true,
        ipaddr: list(false),
        ip6addr: list(true),
        routes: paths(false),
        routes6: paths(true),
      });
    },
    down: async (name) => {
      await notify(name, { 'link-up': false });
    },
  };
}
