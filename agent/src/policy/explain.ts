/**
 * Why a packet may pass, or why not. In: members, rules and exits, and the first packet of a connection. Out: every rule
 * that grants it, with the selectors that matched, or the nearest reason why none does. `compile` grants the same.
 */
import { contains, formatRange, rangeOf, type IpRange } from '../trust/ip.ts';
import type { ExitRule, Ip, Label, Member, Protocol, Rule, Selector } from '../trust/types.ts';
import { ownedBy, select, type Owned } from './select.ts';

export interface Ground {
  readonly members: readonly Member[];
  readonly rules: readonly Rule[];
  readonly exits: readonly ExitRule[];
}

export interface Packet {
  readonly from: Ip;
  readonly to: Ip | 'internet';
  /** The exit, for the internet; any of them when not said. */
  readonly via?: Label;
  /** One port, `icmp`, or `any` for whatever there is. */
  readonly protocol: Protocol;
}

export interface Granting {
  readonly kind: 'rule' | 'exit';
  /** As people count. */
  readonly number: number;
  readonly from: Selector;
  /** What matched the destination, or the exit. */
  readonly to: Selector;
  readonly protocol: Protocol;
}
export interface Verdict {
  readonly packet: Packet;
  /** Empty when nothing grants it. */
  readonly by: readonly Granting[];
  /** Empty when something does. */
  readonly why: string;
}

/** What `granted` allows of ports, `asked` being one. */
export function covers(granted: Protocol, asked: Protocol): boolean {
  if (granted === 'any' || granted === asked) return true;
  const [kind, ports = ''] = granted.split(':');
  const [askedKind, port = ''] = asked.split(':');
  const [first = '', last = first] = ports.split('-');
  return port !== '' && kind === askedKind && Number(first) <= Number(port) && Number(port) <= Number(last);
}

interface Clause {
  readonly kind: Granting['kind'];
  readonly number: number;
  readonly from: Selector | undefined;
  readonly to: Selector | undefined;
  readonly protocol: Protocol | undefined;
  readonly protocols: readonly Protocol[];
  /** It names the router of a LAN, which means the router's mesh addresses. */
  readonly besides: boolean;
}

function selects(selector: Selector, side: 'from' | 'to', owned: Owned, address: IpRange): boolean {
  return select(selector, side, [owned]).some(({ range }) => contains(range, address));
}

function clause(
  kind: Granting['kind'],
  index: number,
  { from, to, protocols }: Rule,
  [source, sourceAt, target, targetAt]: readonly [Owned, IpRange, Owned, IpRange],
  asked: Protocol,
): Clause {
  return {
    kind,
    number: index + 1,
    from: from.find((selector) => selects(selector, 'from', source, sourceAt)),
    to: to.find((selector) => selects(selector, 'to', target, targetAt)),
    protocol: protocols.find((granted) => covers(granted, asked)),
    protocols,
    besides: to.some((selector) => selects(selector, 'from', target, targetAt)),
  };
}

function grantings(clauses: readonly Clause[]): readonly Granting[] {
  return clauses.flatMap(({ kind, number, from, to, protocol }) =>
    from === undefined || to === undefined || protocol === undefined ? [] : [{ kind, number, from, to, protocol }],
  );
}

function numbers(clauses: readonly Clause[]): string {
  const all = [...new Set(clauses.map(({ number }) => number))];
  return `${clauses[0]?.kind ?? 'rule'}${all.length > 1 ? 's' : ''} ${all.join(', ')}`;
}

/** The nearest miss: the clauses that got furthest say what is missing. */
function missing(clauses: readonly Clause[], packet: Packet, source: Owned, target: Owned): string {
  const kind = packet.to === 'internet' ? 'exit' : 'rule';
  const at = packet.to === 'internet' ? target.member.name : packet.to;
  const begun = clauses.filter(({ from }) => from !== undefined);
  if (begun.length === 0) return `no ${kind} names ${packet.from} (${source.member.name}) as a source`;
  const reached = begun.filter(({ to }) => to !== undefined);
  if (reached.length > 0) {
    const protocols = [...new Set(reached.flatMap((each) => each.protocols))];
    return `${numbers(reached)} grants ${protocols.join(' ')}, not ${packet.protocol}`;
  }
  const besides = begun.filter((each) => each.besides);
  if (target.routed && besides.length > 0) {
    const name = target.member.name;
    return `${numbers(besides)} names ${name} and means its mesh addresses: a LAN is granted by naming its prefix, for ${at} in ${formatRange(target.range)}`;
  }
  const side = kind === 'exit' ? 'the exit' : 'a destination';
  return `no ${kind} that names ${source.member.name} as a source names ${at}${kind === 'exit' ? '' : ` (${target.member.name})`} as ${side}`;
}

function explainExit({ members, exits }: Ground, packet: Packet, source: Owned): Omit<Verdict, 'packet'> {
  const named = members.filter(({ name }) => packet.via === undefined || name === packet.via);
  const able = named.filter(({ roles }) => roles.includes('exit'));
  if (able.length === 0)
    return { by: [], why: `${packet.via ?? 'no member'} has ${packet.via ? 'not ' : ''}the role exit` };
  const others = able.filter(({ id }) => id !== source.member.id);
  if (others.length === 0) return { by: [], why: `${source.member.name} is that exit: it does not cross the mesh` };
  const judged = others.map((member) => {
    const [target] = ownedBy([member]);
    if (target === undefined) return { clauses: [], target: source };
    const places = [source, rangeOf(packet.from), target, target.range] as const;
    const clauses = exits.map(({ from, via, protocols }, index) =>
      clause('exit', index, { from, to: via, protocols }, places, packet.protocol),
    );
    return { clauses, target };
  });
  const by = judged.flatMap(({ clauses }) => grantings(clauses));
  const [first] = judged;
  return { by, why: by.length > 0 || !first ? '' : missing(first.clauses, packet, source, first.target) };
}

export function explain(ground: Ground, packet: Packet): Verdict {
  const owned = ownedBy(ground.members);
  const ownerOf = (address: Ip): Owned | undefined => owned.find(({ range }) => contains(range, rangeOf(address)));
  const nobody = (address: Ip): Verdict => ({ packet, by: [], why: `no member owns ${address}` });
  const source = ownerOf(packet.from);
  if (source === undefined) return nobody(packet.from);
  if (packet.to === 'internet') return { packet, ...explainExit(ground, packet, source) };
  const target = ownerOf(packet.to);
  if (target === undefined) return nobody(packet.to);
  if (source.member.id === target.member.id) {
    return { packet, by: [], why: `both are at ${source.member.name}: it does not cross the mesh` };
  }
  const places = [source, rangeOf(packet.from), target, rangeOf(packet.to)] as const;
  if (places[1].family !== places[3].family) return { packet, by: [], why: 'one address is IPv4, the other IPv6' };
  const clauses = ground.rules.map((rule, index) => clause('rule', index, rule, places, packet.protocol));
  const by = grantings(clauses);
  return { packet, by, why: by.length > 0 ? '' : missing(clauses, packet, source, target) };
}
