/**
 * The peer that a person on this router set by hand, beside what the map asks for. In: the peer, what belongs to others,
 * what is desired without it. Out: why it is refused, or what is desired with it: the peer, routes to it, and grants
 * between it and this router's own networks. It is no exit, has no name, and touches neither the guard nor another peer.
 */
import { contains, overlaps, rangeOf } from '../trust/ip.ts';
import type { Cidr, Endpoint, Ip, Label, Member, Protocol, WireGuardKey } from '../trust/types.ts';
import { announcedOf, grantsOf } from './compile.ts';
import type { Choices, Desired, DesiredPeer } from './desired.ts';

export interface ManualPeer {
  readonly publicKey: WireGuardKey;
  readonly allowedIps: readonly Cidr[];
  /** With an address, not a name: nothing is asked for it. */
  readonly endpoint?: Endpoint;
}
export interface Override {
  readonly peer: ManualPeer;
  /** LANs of this router; of them, what it announces is opened to the peer, and nothing beyond. */
  readonly networks: readonly Cidr[];
}
/** What somebody has, and who. */
export interface Taken {
  readonly prefix: Cidr | Ip;
  readonly by: string;
}

/** RFC 1918, RFC 6598, RFC 4193. Beyond them lies the internet, and no way there is set by hand. */
const privateNetworks = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'] as Cidr[];
const keepaliveS = 25;

function prefixRefusal(prefix: Cidr, taken: readonly Taken[]): string | undefined {
  const range = rangeOf(prefix);
  if (!privateNetworks.some((each) => contains(rangeOf(each), range))) {
    return `wanted allowed IPs within ${privateNetworks.join(', ')}, got ${prefix}`;
  }
  const hit = taken.find((each) => overlaps(rangeOf(each.prefix), range));
  return hit && `wanted allowed IPs that nobody has, got ${prefix}, which overlaps ${hit.prefix} of ${hit.by}`;
}

function addressOf(endpoint: Endpoint): Ip {
  return endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, '') as Ip;
}

/** `members` of the map in force, none without one; `around` is what this router is in. */
export function overrideRefusal(
  { publicKey, allowedIps, endpoint }: ManualPeer,
  own: WireGuardKey,
  members: readonly Member[],
  around: readonly Taken[],
): string | undefined {
  if (publicKey === own) return "wanted another's WireGuard key, got this router's own";
  const known = members.find(({ wireGuardKey }) => wireGuardKey === publicKey);
  if (known !== undefined) return `wanted the WireGuard key of no member, got that of ${known.name}`;
  const theirs = members.flatMap(({ name, addresses, subnets }) =>
    [...addresses, ...subnets].map((prefix): Taken => ({ prefix, by: name })),
  );
  const refused = allowedIps.map((prefix) => prefixRefusal(prefix, [...theirs, ...around])).find(Boolean);
  const inside = allowedIps.find((each) => endpoint && contains(rangeOf(each), rangeOf(addressOf(endpoint))));
  if (refused !== undefined || inside === undefined) return refused;
  return `wanted an endpoint outside the allowed IPs, got ${endpoint} in ${inside}`;
}

/** What the peer may reach here, and what may reach it. */
export function openedTo(
  { announced }: Choices,
  addresses: readonly Ip[],
  networks: readonly Cidr[],
): readonly (Cidr | Ip)[] {
  return [...addresses, ...announcedOf({ subnets: networks }, { announced })];
}

/** `own` is this router's WireGuard key, which a closed router's `desired` lacks. */
export function overridden(desired: Desired, { peer, networks }: Override, own: WireGuardKey): Desired {
  const { publicKey, allowedIps, endpoint } = peer;
  const added: DesiredPeer = {
    name: 'break-glass' as Label,
    publicKey,
    allowedIps: [...allowedIps].sort(),
    endpoints: endpoint === undefined ? [] : [endpoint],
    keepaliveS: endpoint === undefined ? 0 : keepaliveS,
  };
  const [there, here] = [allowedIps, openedTo(desired, desired.addresses, networks)].map((all) => all.map(rangeOf));
  const protocols = ['any' as Protocol];
  const pairs = (there ?? []).flatMap((far) =>
    (here ?? [])
      .filter(({ family }) => family === far.family)
      .flatMap((near) => [
        { from: far, to: near, protocols },
        { from: near, to: far, protocols },
      ]),
  );
  return {
    ...desired,
    publicKey: own,
    routes: [...new Set([...desired.routes, ...allowedIps])].sort(),
    peers: [...desired.peers, added].sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
    // What it has is nobody else's, so these boxes meet none of the map's.
    grants: [...desired.grants, ...grantsOf(pairs)],
  };
}
