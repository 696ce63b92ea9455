/**
 * The words of the ubus method `break_glass`. In: its arguments, which anybody may have written, and the word that the
 * person at the terminal has to type. Out: a peer, a bound and a reason, or Fault `BREAK_GLASS`: wanted and got.
 */
import type { ManualPeer } from '../policy/override.ts';
import { parseCidr, parseIp } from '../trust/ip.ts';
import type { Cidr, Endpoint } from '../trust/types.ts';
import { parseEndpoint, parseWireGuardKey } from '../trust/words.ts';
import { Fault, type JsonObject } from './ports.ts';

export const maxMinutes = 60;
/** Four are a line of the audit log, whole. */
const maxAllowedIps = 4;
const maxTextLength = 200;

/** With one argument, a message that says wanted and got already. */
export function fault(wanted: string, ...got: readonly [unknown?]): Fault {
  const seen = got[0] === undefined ? 'none' : JSON.stringify(got[0]).slice(0, maxTextLength);
  return new Fault('BREAK_GLASS', 'break-glass', got.length === 0 ? wanted : `wanted ${wanted}, got ${seen}`);
}

/** Text for terminals and logs: nothing invisible, nothing that ends a line or turns one around. */
export function textOf(what: string, value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : '';
  const isPlain = text !== '' && [...text].length <= maxTextLength && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);
  if (isPlain) return text;
  throw fault(`${what}, 1 to ${maxTextLength} characters and no control characters`, value);
}

function allowedIpsOf(value: unknown): readonly Cidr[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  if (list.length === 0 || list.length > maxAllowedIps) {
    throw fault(`1 to ${maxAllowedIps} prefixes as allowed IPs`, value);
  }
  return list.map((each) => {
    const prefix = typeof each === 'string' ? parseCidr(each) : undefined;
    if (prefix === undefined) throw fault('allowed IPs without host bits, like 192.168.7.0/24', each);
    return prefix;
  });
}

function endpointOf(value: unknown): Endpoint | undefined {
  if (value === undefined) return undefined;
  const endpoint = typeof value === 'string' ? parseEndpoint(value) : undefined;
  const isAddress = parseIp(endpoint?.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, '') ?? '') !== undefined;
  if (endpoint !== undefined && isAddress) return endpoint;
  throw fault('an endpoint of address and port, like 203.0.113.7:51820', value);
}

export interface Asked {
  readonly peer: ManualPeer;
  readonly minutes: number;
  readonly reason: string;
  readonly who: string;
}

export function parseOpening(args: JsonObject, word: string): Asked {
  const { peer: key, minutes } = args;
  if (args['confirm'] !== word) throw fault(`"${word}" typed on a terminal`, args['confirm']);
  const publicKey = typeof key === 'string' ? parseWireGuardKey(key) : undefined;
  if (publicKey === undefined) throw fault('a WireGuard public key, 32 bytes in base64, as the peer', key);
  if (typeof minutes !== 'number' || !Number.isInteger(minutes) || minutes < 1 || minutes > maxMinutes) {
    throw fault(`1 to ${maxMinutes} minutes`, minutes);
  }
  const endpoint = endpointOf(args['endpoint']);
  return {
    peer: { publicKey, allowedIps: allowedIpsOf(args['allowed_ips']), ...(endpoint === undefined ? {} : { endpoint }) },
    minutes,
    reason: textOf('a reason', args['reason']),
    who: textOf('who asks', args['who']),
  };
}
