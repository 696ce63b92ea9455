// What LuCI asks of ubus and the lab's router lacks: objects that plugins of rpcd bring. In: a body of JSON-RPC for /ubus.
// Out: the answer, in which calls of these objects are answered from what the router's own kernel and files show, and all
// others by the router itself. A stand-in: it asks nobody whether the login may, and has no method but those that the
// pages need of LuCI on which we show ourselves. Shapes as in LuCI's libs/rpcd-mod-luci/src/luci.c (`luci-rpc`) and
// modules/luci-base/root/usr/share/rpcd/ucode/luci (`luci`), and in rpcd's file.c (`file`).
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import { statusCode } from '../../agent/src/wire/ubus.ts';
import { quotedForShell } from '../harness/machine.ts';
import type { Router } from '../topology/router.ts';

interface Call {
  readonly jsonrpc: string;
  readonly id: number;
  readonly params?: readonly [string, string, string, JsonObject?];
}
type Result = readonly [number, JsonObject?];

interface ShownLink {
  readonly ifname: string;
  readonly ifindex: number;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly link_type: string;
  readonly address?: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
  readonly stats64: Readonly<Record<'rx' | 'tx', { readonly bytes: number; readonly packets: number }>>;
}
/** Of these the kernel says DEVTYPE; it is the kind of the link. */
const kindsWithType = ['bridge', 'vlan', 'wireguard'];

function deviceOf(link: ShownLink, all: readonly ShownLink[]): JsonObject {
  const { ifname: name, flags, stats64, linkinfo: { info_kind: kind = '' } = {} } = link;
  const has = (flag: string): boolean => flags.includes(flag);
  const addresses = (family: string): JsonObject[] =>
    link.addr_info
      .filter((each) => each.family === family)
      .map(({ local, prefixlen }) => ({ address: local, netmask: String(prefixlen) }));
  const ports = all.filter(({ master }) => master === name).map((port) => port.ifname);
  return {
    name,
    ...(kind === 'bridge' ? { bridge: true, ports, stp: false } : {}),
    ...{ wireless: false, up: has('LOWER_UP'), mtu: link.mtu, ifindex: link.ifindex },
    devtype: kindsWithType.includes(kind) ? kind : 'ethernet',
    ...(link.link_type === 'ether' ? { mac: String(link.address).toUpperCase() } : {}),
    ...{ ipaddrs: addresses('inet'), ip6addrs: addresses('inet6') },
    stats: {
      ...{ rx_bytes: stats64.rx.bytes, tx_bytes: stats64.tx.bytes },
      ...{ rx_packets: stats64.rx.packets, tx_packets: stats64.tx.packets },
    },
    flags: { up: has('UP'), loopback: has('LOOPBACK'), noarp: has('NOARP'), pointtopoint: has('POINTOPOINT') },
    link: { carrier: has('LOWER_UP') },
  };
}

async function networkDevices({ guest }: Router): Promise<Result> {
  const links = JSON.parse(await guest.run('ip -j -s -d address show')) as ShownLink[];
  return [0, Object.fromEntries(links.map((link) => [link.ifname, deviceOf(link, links)]))];
}

/** Each by the file that LuCI looks for. */
const features = { firewall4: '/sbin/fw4', opkg: '/bin/opkg', ipv6: '/proc/net/ipv6_route', wifi: '/sbin/wifi' };

async function systemFeatures({ guest }: Router): Promise<Result> {
  const found = await guest.run(`ls -d ${Object.values(features).join(' ')} 2>/dev/null || true`);
  const lines = found.split('\n');
  return [0, Object.fromEntries(Object.entries(features).map(([name, path]) => [name, lines.includes(path)]))];
}

/** What LuCI brings and what our package brings lie in one folder of a router; here the site has the one, the router the other. */
async function listed({ guest }: Router, luciRoot: string, path: string): Promise<Result> {
  const own = join(luciRoot, path);
  const theirs = existsSync(own) ? readdirSync(own) : [];
  const { status, stdout } = await guest.exec(`ls ${quotedForShell(path)}`);
  if (status !== 0 && theirs.length === 0) return [statusCode('NOT_FOUND')];
  const names = new Set([...theirs, ...stdout.split('\n').filter(Boolean)]);
  return [0, { entries: [...names].sort().map((name) => ({ name, type: 'file' })) }];
}

async function read({ guest }: Router, path: string): Promise<Result> {
  const { status, stdout } = await guest.exec(`cat ${quotedForShell(path)}`);
  return status === 0 ? [0, { data: stdout }] : [statusCode('NOT_FOUND')];
}

async function answered(router: Router, luciRoot: string, name: string, { path }: JsonObject): Promise<Result> {
  if (name === 'luci-rpc.getNetworkDevices') return networkDevices(router);
  if (name === 'luci.getFeatures') return systemFeatures(router);
  if (name === 'file.list') return listed(router, luciRoot, String(path));
  if (name === 'file.read') return read(router, String(path));
  return [statusCode('METHOD_NOT_FOUND')];
}

const ours = ['luci', 'luci-rpc', 'file'];

/** `ask` is how the router's own /ubus is asked, body for body. */
export async function answeredWithRpcd(
  router: Router,
  luciRoot: string,
  body: string,
  ask: (body: string) => Promise<string>,
): Promise<string> {
  const asked = JSON.parse(body) as Call | readonly Call[];
  const isOurs = ({ params = ['', '', ''] }: Call): boolean => ours.includes(params[1]);
  const calls: readonly Call[] = Array.isArray(asked) ? (asked as readonly Call[]) : [asked as Call];
  const rest = calls.filter((call) => !isOurs(call));
  const theirs = rest.length === 0 ? [] : (JSON.parse(await ask(JSON.stringify(rest))) as unknown[]);
  const answers: unknown[] = [];
  for (const call of calls) {
    const [, object, method, args = {}] = call.params ?? ['', '', ''];
    const { jsonrpc, id } = call;
    if (!isOurs(call)) answers.push(theirs[rest.indexOf(call)]);
    else answers.push({ jsonrpc, id, result: await answered(router, luciRoot, `${object}.${method}`, args) });
  }
  return JSON.stringify(Array.isArray(asked) ? answers : answers[0]);
}
