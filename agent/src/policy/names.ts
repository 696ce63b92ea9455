/**
 * The names that this router answers. In: a verified map, self and the members that the policy lets it meet, the router's
 * choices. Out: the zone, a name for each of them with its addresses, the reverse zones of the mesh, and resolvers while
 * an exit is chosen. Who is hidden by the policy has no name here. Names are RFC 1035's, reverse ones RFC 3596's.
 */
import { rangeOf } from '../trust/ip.ts';
import type { Cidr, Ip, Member, VerifiedMap } from '../trust/types.ts';
import type { Choices } from './desired.ts';

export interface HostName {
  readonly name: string;
  readonly addresses: readonly Ip[];
}
export interface DesiredNames {
  /** Answered from `hosts` alone: nothing of it is ever asked elsewhere. */
  readonly zone: string;
  readonly own: HostName;
  /** Sorted by name, `own` among them. */
  readonly hosts: readonly HostName[];
  readonly reverseZones: readonly string[];
  /** Whom to ask everything else; empty leaves the router's own choice. */
  readonly resolvers: readonly Ip[];
}

const maxNameLength = 253;

function hostName({ name, addresses }: Member, zone: string): HostName {
  return { name: `${name}.${zone}`, addresses };
}

/** Zones of whole octets, or hex digits, that are together exactly the prefix. */
export function reverseZonesOf(prefix: Cidr): readonly string[] {
  const { family, first } = rangeOf(prefix);
  const [bits, step, base, suffix] =
    family === 4 ? ([32, 8, 10, 'in-addr.arpa'] as const) : ([128, 4, 16, 'ip6.arpa'] as const);
  const length = Number(prefix.split('/')[1]);
  const labels = Math.ceil(length / step);
  const count = 2 ** (labels * step - length);
  return Array.from({ length: count }, (_, index) => {
    const value = (first >> BigInt(bits - labels * step)) + BigInt(index);
    const mask = (1n << BigInt(step)) - 1n;
    const digits = Array.from({ length: labels }, (__, at) => ((value >> BigInt(at * step)) & mask).toString(base));
    return [...digits, suffix].join('.');
  });
}

/** While the mesh is closed, its zone stays this router's own, with nothing in it: no name of it goes to a stranger. */
export function hiddenNames(names: DesiredNames, { exit }: Choices): DesiredNames {
  const own = { ...names.own, addresses: [] };
  return { ...names, own, hosts: [], resolvers: exit === 'off' ? [] : names.resolvers };
}

/** `met` without self. A member whose name with the zone is longer than DNS has room for has none. */
export function namesOf(map: VerifiedMap, self: Member, met: readonly Member[], { exit }: Choices): DesiredNames {
  const { zone, resolvers } = map.names;
  const hosts = [self, ...met]
    .map((member) => hostName(member, zone))
    .filter(({ name }) => name.length <= maxNameLength);
  return {
    zone,
    own: hostName(self, zone),
    hosts: hosts.sort((a, b) => (a.name < b.name ? -1 : 1)),
    reverseZones: map.policy.ranges.flatMap(reverseZonesOf),
    resolvers: exit === 'off' ? [] : resolvers,
  };
}
