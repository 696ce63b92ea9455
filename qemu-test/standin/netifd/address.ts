/**
 * Addresses and routes as netifd reads them, compares them and gives them to the kernel.
 * In: UCI strings and the tables of notify_proto. Out: values with a key, lines of `ip -batch`, entries of a status.
 * Specified in netifd's interface-ip.c; what does not parse is `undefined`, and netifd passes it over in silence.
 */
import { isIP } from 'node:net';
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly address: string;
  readonly mask: number;
}

export interface Route {
  readonly family: Family;
  readonly target: string;
  readonly mask: number;
  readonly gateway?: string;
  readonly metric?: number;
  readonly mtu?: number;
  readonly table?: string;
  readonly source?: string;
  /** `unreachable`, `blackhole`, ...; such a route has no device. */
  readonly type?: string;
  readonly onlink?: boolean;
}

const routeTypes = ['unicast', 'local', 'blackhole', 'unreachable', 'prohibit', 'throw'];

function canonical(text: string): string {
  return isIP(text) === 6 ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
}

/** The length of a netmask, dotted or a number; `undefined` unless it is one. */
export function maskLength(text: string, family: Family): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= (family === 4 ? 32 : 128) ? Number(text) : undefined;
  if (family === 6 || isIP(text) !== 4) return undefined;
  const bits = text
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

/** `10.0.0.1/24`, or an address and a mask beside it; without any mask it is a host. */
export function parseAddress(text: string, mask?: string): Address | undefined {
  const [address = '', inner] = text.split('/');
  const family = isIP(address);
  if (family !== 4 && family !== 6) return undefined;
  const length = maskLength(inner ?? mask ?? (family === 4 ? '32' : '128'), family);
  return length === undefined ? undefined : { family, address: canonical(address), mask: length };
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
}

/** An entry of `ipaddr` or `ip6addr` of notify_proto. */
export function addressOf(entry: JsonValue): Address | undefined {
  if (typeof entry === 'string') return parseAddress(entry);
  const table = entry as JsonTable;
  return parseAddress(text(table['ipaddr']) ?? '', text(table['mask']));
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> {
  return (value === undefined ? {} : { [name]: value }) as Partial<Record<Name, Value>>;
}

/** An entry of `routes` or `routes6`, or the options of a UCI section `route` or `route6`. */
export function routeOf(table: JsonTable, family: Family): Route | undefined {
  const net = parseAddress(text(table['target']) ?? (family === 4 ? '0.0.0.0/0' : '::/0'), text(table['netmask']));
  if (net?.family !== family) return undefined;
  const gateway = text(table['gateway']);
  if (gateway !== undefined && isIP(gateway) !== family) return undefined;
  const type = text(table['type']);
  if (type !== undefined && !routeTypes.includes(type)) return undefined;
  const number = (name: string): number | undefined => {
    const value = text(table[name]);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  };
  return {
    family,
    target: net.address,
    mask: net.mask,
    ...optional('gateway', gateway === undefined ? undefined : canonical(gateway)),
    ...optional('metric', number('metric')),
    ...optional('mtu', number('mtu')),
    ...optional('table', text(table['table'])),
    ...optional('source', text(table['source'])),
    ...optional('type', type),
    ...optional('onlink', table['onlink'] === true || table['onlink'] === '1' ? true : undefined),
  };
}

export function addressKey({ address, mask }: Address): string {
  return `${address}/${mask}`;
}

export function routeKey(route: Route): string {
  return JSON.stringify(Object.entries(route).sort());
}

export function addressLine(verb: 'replace' | 'del', address: Address, device: string): string {
  const broadcast = verb === 'replace' && address.family === 4 && address.mask < 31 ? ' brd +' : '';
  return `address ${verb} ${addressKey(address)} dev ${device}${broadcast}`;
}

/** `metric` is the interface's own, for routes that name none. */
export function routeLine(verb: 'replace' | 'del', route: Route, device: string, metric: number): string {
  const cost = route.metric ?? metric;
  const deviceless = route.type !== undefined && !['unicast', 'local'].includes(route.type);
  const words = [
    'route',
    verb,
    ...(route.type === undefined ? [] : [route.type]),
    `${route.target}/${route.mask}`,
    ...(route.gateway === undefined ? [] : ['via', route.gateway]),
    ...(deviceless ? [] : ['dev', device]),
    // RTPROT_STATIC by number: the names are in a file that a small system may not have.
    ...['proto', '4'],
    ...(cost === 0 ? [] : ['metric', String(cost)]),
    ...(route.table === undefined ? [] : ['table', route.table]),
    ...(route.source === undefined ? [] : ['src', route.source.replace(/\/\d+$/, '')]),
    ...(route.mtu === undefined || verb === 'del' ? [] : ['mtu', String(route.mtu)]),
    ...(route.onlink === true && verb === 'replace' ? ['onlink'] : []),
  ];
  return words.join(' ');
}

export function addressStatus({ address, mask }: Address): JsonTable {
  return { address, mask };
}

export function routeStatus(route: Route): JsonTable {
  const any = route.family === 4 ? '0.0.0.0' : '::';
  return {
    target: route.target,
    mask: route.mask,
    nexthop: route.gateway ?? any,
    ...optional('type', route.type),
    ...optional('mtu', route.mtu),
    ...optional('metric', route.metric),
    ...optional('table', route.table),
    source: route.source ?? `${any}/0`,
  };
}
