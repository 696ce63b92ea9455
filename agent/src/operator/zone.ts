/**
 * Names that the network may have as its own. In: a zone, a resolver. Out: the same, unless somebody else answers for it.
 * Specified in RFC 6761 (special names), RFC 6762 (`local`), RFC 8375 (`home.arpa`); OpenWrt's dnsmasq answers for `lan`.
 */
import { contains, parseIp, rangeOf } from '../trust/ip.ts';
import type { Cidr, Ip } from '../trust/types.ts';
import { fail } from './refused.ts';

const taken: ReadonlyMap<string, string> = new Map([
  ['local', 'multicast DNS'],
  ['lan', "OpenWrt's own dnsmasq"],
  ['localhost', 'each host itself'],
  ['invalid', 'nobody, by RFC 6761'],
  ['onion', 'Tor'],
  ['arpa', 'reverse names'],
]);
/** Top-level names that will never be anybody's on the internet. */
const privateNames = ['internal', 'test', 'example'];

function ownerOf(zone: string): string | undefined {
  const labels = zone.split('.');
  const last = labels.at(-1) ?? '';
  if (zone === 'home.arpa' || zone.endsWith('.home.arpa')) return undefined;
  if (labels.length > 1 || taken.has(last)) return taken.get(last);
  // Top-level names come and go; what is one label and not kept free for private use is somebody's, or may become it.
  return privateNames.includes(zone) ? undefined : 'a top-level domain of the internet, now or one day';
}

export function requireFreeZone(zone: string, subject: string): string {
  const owner = ownerOf(zone);
  if (owner === undefined) return zone;
  return fail('conflict', `${subject}: wanted a zone of the network's own, got "${zone}", already in use by ${owner}`);
}

/** Not asked of through an exit: the router itself, its link, everybody. */
const unreachable = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/127', 'fe80::/10', 'ff00::/8'];

/** A DNS server that can stand behind an exit. */
export function parseResolver(text: string): Ip | undefined {
  const address = parseIp(text);
  const isReachable = (ip: Ip): boolean => !unreachable.some((each) => contains(rangeOf(each as Cidr), rangeOf(ip)));
  return address !== undefined && isReachable(address) ? address : undefined;
}
