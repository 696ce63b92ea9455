/**
 * From the map to what this router must enforce. In: a verified map, the own node id, the router's choices.
 * Out: peers, addresses, routes, grants, and the exit. Default deny: a member with no granted pair here is no peer here.
 */
import { contains, formatRange, hostPrefixOf, rangeOf } from '../trust/ip.ts';
import type { Cidr, Member, NodeId, Protocol, Rule, VerifiedMap } from '../trust/types.ts';
import { disjoint, type Box } from './boxes.ts';
import { closedDesired, type Choices, type Desired, type DesiredPeer, type Grant } from './desired.ts';
import { carried, chooseExit, usedBy, type ExitUse } from './exits.ts';
import { namesOf } from './names.ts';
import { ownedBy, select, type Owned } from './select.ts';

/** Mappings of common NATs last 30 s and more. */
const keepaliveBehindNatS = 25;
const everywhere = ['0.0.0.0/0', '::/0'] as Cidr[];

type Pair = readonly [from: Owned, to: Owned, box: Box];

/** The pairs of a rule of which this router is one side: others never cross its interface. */
function pairsOf({ from, to, protocols }: Rule, self: NodeId, owned: readonly Owned[]): readonly Pair[] {
  const sources = from.flatMap((selector) => select(selector, 'from', owned));
  const targets = to.flatMap((selector) => select(selector, 'to', owned));
  const isSelf = ({ member }: Owned): boolean => member.id === self;
  const [ownSources, otherSources] = [sources.filter(isSelf), sources.filter((each) => !isSelf(each))];
  const [ownTargets, otherTargets] = [targets.filter(isSelf), targets.filter((each) => !isSelf(each))];
  const cross = (left: readonly Owned[], right: readonly Owned[]): Pair[] =>
    left.flatMap((source) =>
      right
        .filter(({ range }) => range.family === source.range.family)
        .map((target) => [source, target, { from: source.range, to: target.range, protocols }] as const),
    );
  return [...cross(ownSources, otherTargets), ...cross(otherSources, ownTargets)];
}

/** Asked once for each key. */
function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}

export function grantsOf(boxes: readonly Box[]): readonly Grant[] {
  const list = once((joined: string) => joined.split(',') as readonly string[] as readonly Protocol[]);
  return ([4, 6] as const).flatMap((family) =>
    disjoint(boxes.filter(({ from }) => from.family === family)).map(({ from, to, protocols }) => ({
      family,
      from: formatRange(from),
      to: formatRange(to),
      protocols: list(protocols.join()),
    })),
  );
}

function peerOf(member: Member, self: Member, use: ExitUse | undefined): DesiredPeer {
  const { id, name, wireGuardKey: publicKey, addresses, subnets, endpoints } = member;
  const internet = use?.via.id === id ? everywhere : [];
  const allowedIps = [...new Set([...addresses.map(hostPrefixOf), ...subnets, ...internet])].sort();
  // Who can be reached needs no keepalive; who cannot keeps its own mapping open towards those who can.
  const keepaliveS = endpoints.length > 0 && self.endpoints.length === 0 ? keepaliveBehindNatS : 0;
  return { id, name, publicKey, allowedIps, endpoints, keepaliveS };
}

/**
 * Subnets need both: the map's grant and the router's own word; of two prefixes that overlap, the narrower. One within
 * another of these says nothing more, and a set of the kernel takes no two that overlap.
 */
export function announcedOf(
  { subnets }: Pick<Member, 'subnets'>,
  { announced }: Pick<Choices, 'announced'>,
): readonly Cidr[] {
  const within = (outer: Cidr, inner: Cidr): boolean => contains(rangeOf(outer), rangeOf(inner));
  const both = subnets.flatMap((subnet) =>
    announced.flatMap((prefix) => (within(prefix, subnet) ? [subnet] : within(subnet, prefix) ? [prefix] : [])),
  );
  return [...new Set(both)].filter((each) => !both.some((other) => other !== each && within(other, each)));
}

/** With `exit_lan` off, what the policy grants of the LAN behind the chosen exit is not taken. */
function isRefusedLan([from, to]: Pair, self: NodeId, use: ExitUse | undefined, { exitLan }: Choices): boolean {
  return !exitLan && to.routed && to.member.id === use?.via.id && from.member.id === self;
}

function metBy(pairs: readonly Pair[], others: readonly Member[], self: NodeId): ReadonlySet<NodeId> {
  const met = new Set(others.map(({ id }) => id));
  for (const [from, to] of pairs) met.add(from.member.id).add(to.member.id);
  met.delete(self);
  return met;
}

interface Compiled {
  readonly self: NodeId;
  readonly choices: Choices;
  readonly desired: Desired;
}

const compiled = new WeakMap<VerifiedMap, Compiled>();

/** Closed when the map does not name this router. Of the same map and choices the same: a run of the loop asks twice. */
export function compile(map: VerifiedMap, self: NodeId, choices: Choices): Desired {
  const last = compiled.get(map);
  if (last?.self === self && last.choices === choices) return last.desired;
  const desired = compileAnew(map, self, choices);
  compiled.set(map, { self, choices, desired });
  return desired;
}

function compileAnew(map: VerifiedMap, self: NodeId, choices: Choices): Desired {
  const listed = map.members.find(({ id }) => id === self);
  if (listed === undefined) return closedDesired(choices);
  const own = { ...listed, subnets: announcedOf(listed, choices) };
  const owned = ownedBy(map.members.map((member) => (member.id === self ? own : member)));
  const chosen = chooseExit(map, own, choices, owned);
  const use = typeof chosen === 'object' ? chosen : undefined;
  const carries = carried(map, own, choices, owned);
  const pairs = map.policy.rules
    .flatMap((rule) => pairsOf(rule, self, owned))
    .filter((pair) => !isRefusedLan(pair, self, use, choices));
  const ids = metBy(pairs, [...(use === undefined ? [] : [use.via]), ...carries.members], self);
  const met = map.members.filter(({ id }) => ids.has(id));
  const routes = [...new Set([...map.policy.ranges, ...met.flatMap(({ subnets }) => subnets)])].sort();
  return {
    ...choices,
    publicKey: own.wireGuardKey,
    addresses: own.addresses,
    routes,
    meshPrefixes: routes,
    peers: met.map((member) => peerOf(member, own, use)).sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
    names: namesOf(map, own, met, choices),
    grants: grantsOf(pairs.map(([, , box]) => box)),
    uses: use === undefined ? [] : usedBy(use),
    carries: carries.grants,
    own: [...own.addresses, ...own.subnets],
    notes: typeof chosen === 'string' ? [chosen] : [],
  };
}
