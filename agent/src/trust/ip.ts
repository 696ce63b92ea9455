/**
 * IP addresses and prefixes. In: text. Out: branded canonical text (RFC 5952 for IPv6), ranges of integers, and the
 * addresses that the network id and the node id give (RFC 4193). One text for each address: others are not taken.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import type { Cidr, Ip, Member, NetworkId, NodeId } from './types.ts';

export interface IpRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return BigInt(parts.reduce((sum, part) => sum * 256 + Number(part), 0));
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return undefined;
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

function formatV6(value: bigint): string {
  const hex = value.toString(16).padStart(32, '0');
  const groups = Array.from({ length: 8 }, (_, at) => hex.slice(4 * at, 4 * at + 4).replace(/^0{1,3}/, ''));
  let best = { at: 0, length: 0 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

export function formatIp(family: 4 | 6, value: bigint): Ip {
  if (family === 6) return formatV6(value) as Ip;
  const bits = Number(value);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.') as Ip;
}

interface Parsed {
  readonly family: 4 | 6;
  readonly value: bigint;
}

function parseAny(text: string): Parsed | undefined {
  const family = text.includes(':') ? 6 : 4;
  const value = family === 6 ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family, value };
}

function parseCanonical(text: string): Parsed | undefined {
  const parsed = parseAny(text);
  return parsed !== undefined && formatIp(parsed.family, parsed.value) === text ? parsed : undefined;
}

/** `undefined` for anything but one address in canonical text. */
export function parseIp(text: string): Ip | undefined {
  return parseCanonical(text) && (text as Ip);
}

/** `undefined` for anything but `address/length`, canonical, with no bit set behind the prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = '', length = ''] = /^([0-9a-f.:]+)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
  const parsed = parseCanonical(address);
  if (parsed === undefined || Number(length) > (parsed.family === 6 ? 128 : 32)) return undefined;
  return rangeOf(text as Cidr).first === parsed.value ? (text as Cidr) : undefined;
}

/** The addresses of a prefix, or the one of an address. */
export function rangeOf(text: Cidr | Ip): IpRange {
  const [address = '', length] = text.split('/');
  const parsed = parseAny(address);
  if (parsed === undefined) throw new TypeError(`wanted an address, got ${text}`);
  const bits = parsed.family === 6 ? 128 : 32;
  const host = (1n << BigInt(bits - Number(length ?? bits))) - 1n;
  const first = parsed.value & ~host;
  return { family: parsed.family, first, last: first | host };
}

const texts = new WeakMap<IpRange, string>();

/** `first-last`, or the one address. */
export function formatRange(range: IpRange): string {
  const { family, first, last } = range;
  const known = texts.get(range);
  if (known !== undefined) return known;
  const text = first === last ? formatIp(family, first) : `${formatIp(family, first)}-${formatIp(family, last)}`;
  texts.set(range, text);
  return text;
}

interface Ranges {
  readonly addresses: readonly IpRange[];
  readonly subnets: readonly IpRange[];
}
const rangesOfMembers = new WeakMap<Pick<Member, 'addresses' | 'subnets'>, Ranges>();

/** What a member claims, each once: a thousand members stay the same from map to map. */
export function rangesOf(member: Pick<Member, 'addresses' | 'subnets'>): Ranges {
  const known = rangesOfMembers.get(member);
  if (known !== undefined) return known;
  const ranges = { addresses: member.addresses.map(rangeOf), subnets: member.subnets.map(rangeOf) };
  rangesOfMembers.set(member, ranges);
  return ranges;
}

/** The prefix of this address alone. */
export function hostPrefixOf(address: Ip): Cidr {
  return `${address}/${address.includes(':') ? 128 : 32}` as Cidr;
}

export function contains(outer: IpRange, inner: IpRange): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

export function overlaps(left: IpRange, right: IpRange): boolean {
  return left.family === right.family && left.first <= right.last && right.first <= left.last;
}

/** fd, then 40 bits of SHA-256 of the network id (RFC 4193 section 3.2 asks for 40 pseudo-random bits). */
export function deriveUla(network: NetworkId): Cidr {
  const bits = sha256(hexToBytes(network)).subarray(0, 5);
  const prefix = bits.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0xfdn);
  return `${formatIp(6, prefix << 80n)}/48` as Cidr;
}

/** Subnet 0 of the network's ULA, and the first 64 bits of the node id. */
export function deriveMemberV6(network: NetworkId, id: NodeId): Ip {
  return formatIp(6, rangeOf(deriveUla(network)).first | BigInt(`0x${id.slice(0, 16)}`));
}
