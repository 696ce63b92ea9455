/**
 * The one parser of each branded word. In: text. Out: the branded text, or `undefined` when it is not that.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { decodeBase64 } from './base64.ts';
import { parseCidr, parseIp } from './ip.ts';
import type {
  Digest,
  Endpoint,
  IdentityKey,
  InviteId,
  InviteKey,
  InviteSecret,
  Label,
  NetworkId,
  NodeId,
  Protocol,
  Selector,
  WireGuardKey,
} from './types.ts';

function matching<Word extends string>(pattern: RegExp): (text: string) => Word | undefined {
  return (text) => (pattern.test(text) ? (text as Word) : undefined);
}

export const parseNetworkId = matching<NetworkId>(/^[0-9a-f]{32}$/);
export const parseNodeId = matching<NodeId>(/^[0-9a-f]{32}$/);
export const parseDigest = matching<Digest>(/^[0-9a-f]{64}$/);
export const parseInviteId = matching<InviteId>(/^[0-9a-f]{16}$/);
export const parseInviteSecret = matching<InviteSecret>(/^[0-9a-f]{64}$/);
export const parseInviteKey = matching<InviteKey>(/^[0-9a-f]{64}$/);
/** RFC 1123 section 2.1, lower case. */
export const parseLabel = matching<Label>(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);

/** Labels of RFC 1123 with dots between, 253 characters at most; not an IPv4 address. */
export function parseHostname(text: string): string | undefined {
  const labels = text.split('.');
  const last = labels.at(-1) ?? '';
  return text.length <= 253 && labels.every((label) => parseLabel(label)) && !/^[0-9]+$/.test(last) ? text : undefined;
}

export function digestOf(bytes: Uint8Array): Digest {
  return bytesToHex(sha256(bytes)) as Digest;
}

/**
 * A key on the curve, canonical (RFC 8032 section 5.1.3), and not of small order: a signature by such a key holds for
 * messages that nobody signed.
 */
export function parseIdentityKey(text: string): IdentityKey | undefined {
  if (!/^[0-9a-f]{64}$/.test(text)) return undefined;
  try {
    return ed25519.Point.fromHex(text, false).isSmallOrder() ? undefined : (text as IdentityKey);
  } catch {
    return undefined;
  }
}

export function nodeIdOf(key: IdentityKey): NodeId {
  return bytesToHex(sha256(hexToBytes(key)).subarray(0, 16)) as NodeId;
}

/** DSSE key id of an Ed25519 key: SHA-256 of its 32 bytes. */
export function keyIdOf(key: IdentityKey): string {
  return bytesToHex(sha256(hexToBytes(key)));
}

/** 32 bytes in canonical base64, not all zero. */
export function parseWireGuardKey(text: string): WireGuardKey | undefined {
  const bytes = decodeBase64(text);
  return bytes?.length === 32 && bytes.some((byte) => byte !== 0) ? (text as WireGuardKey) : undefined;
}

function parsePort(text: string): number | undefined {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}

/** `host:port`, `1.2.3.4:port` or `[v6]:port`. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, host = '', port = ''] = /^(?:\[([0-9a-f:]+)\]|([a-z0-9.-]+)):([0-9]+)$/.exec(text) ?? [];
  if (parsePort(port) === undefined) return undefined;
  const known = bracketed === undefined ? (parseIp(host) ?? parseHostname(host)) : parseIp(bracketed);
  return known === undefined ? undefined : (text as Endpoint);
}

export function parseSelector(text: string): Selector | undefined {
  const [, kind, name = ''] = /^(member|tag):(.*)$/.exec(text) ?? [];
  const known = kind === undefined ? (text === 'any' ? text : parseCidr(text)) : parseLabel(name);
  return known === undefined ? undefined : (text as Selector);
}

/** A selector that names members, and so no prefix. */
export function parseMemberSelector(text: string): Selector | undefined {
  return text.includes('/') ? undefined : parseSelector(text);
}

/** `any`, `icmp` (both families), `tcp:22`, `udp:53-60`. */
export function parseProtocol(text: string): Protocol | undefined {
  if (text === 'any' || text === 'icmp') return text as Protocol;
  const [, from = '', to = from] = /^(?:tcp|udp):([0-9]+)(?:-([0-9]+))?$/.exec(text) ?? [];
  const [first, last] = [parsePort(from), parsePort(to)];
  if (first === undefined || last === undefined) return undefined;
  return first < last || text.split('-').length === 1 ? (text as Protocol) : undefined;
}
