/**
 * The nft table `inet rustynet`: what marks granted packets and drops every other packet of the mesh.
 * In: what is desired. Out: the table's chains, which are the same whatever is granted, and a chain for each list of
 * protocols. What is granted are elements (elements.ts).
 *
 * The chains stand before fw4's (priority filter - 10), which accept established flows first and our mark later. A packet
 * is judged by the pair of addresses that its connection began with, so a revoked pair ends its running flows too.
 */
import type { Choices, Desired } from '../policy/desired.ts';
import type { Protocol } from '../trust/types.ts';
import { digestOf } from '../trust/words.ts';
import type { NftChain, NftTable } from '../wire/nft-json.ts';
import { encodeUtf8 } from '../wire/utf8.ts';
import { askingChains, renderMaps } from './maps.ts';
import * as nft from './nft.ts';
import {
  accept,
  device,
  direction,
  dropped,
  equals,
  goto,
  jump,
  rule,
  type Chain,
  type Chains,
  type Rule,
} from './nft.ts';

export const table = 'inet rustynet';
const priority = -10;
/** fw4's own source NAT stands at the same place (srcnat). */
const natPriority = 100;

export interface Marks {
  /** What the policy grants; fw4 accepts it. */
  readonly granted: number;
  /** Of that, what goes to the internet or comes back from it. */
  readonly exit: number;
  /** WireGuard's own packets. */
  readonly tunnel: number;
}
export function marksOf({ mark }: Pick<Choices, 'mark'>): Marks {
  return { granted: mark, exit: mark / 2, tunnel: mark / 4 };
}

/** The path says what a packet fits (RFC 4459): the tunnel is narrower than the LAN. */
function clamped(name: string): Rule {
  const flags = { match: { op: 'in', left: nft.payload('tcp', 'flags'), right: 'syn' } };
  const option = { 'tcp option': { name: 'maxseg', field: 'size' } };
  return rule(device('oifname', '==', name), {
    text: 'tcp flags syn tcp option maxseg size set rt mtu',
    expr: [flags, { mangle: { key: option, value: { rt: { key: 'mtu' } } } }],
  });
}

type Side = 'iifname' | 'oifname';

/** `before` and `behind` are rules around the pairs, behind the lease and before the drop. */
function hooked(
  hook: 'input' | 'forward' | 'output',
  name: string,
  sides: readonly Side[],
  behind: readonly Rule[],
  before: readonly Rule[] = [],
): Chain {
  const mesh = (side: Side): Rule => device(side, '==', name);
  return {
    hook: { type: 'filter', hook, priority },
    rules: [
      ...sides.map((side) => rule(mesh(side), device(side, '!=', '@lease'), dropped)),
      ...before,
      ...sides.map((side) => rule(mesh(side), jump('pairs'))),
      ...behind,
      ...sides.map((side) => rule(mesh(side), dropped)),
    ],
  };
}

/** Requests leave by the tunnel and answers come by it; or, on the exit, the other way round, and by an uplink alone. */
function exitPaths(name: string): Readonly<Record<'input' | 'forward' | 'output', readonly Rule[]>> {
  const [comes, goes] = [device('iifname', '==', name), device('oifname', '==', name)];
  const [comesElsewhere, goesElsewhere] = [device('iifname', '!=', name), device('oifname', '!=', name)];
  const [request, answer] = [direction('original'), direction('reply')];
  return {
    input: [rule(comes, answer, jump('uses'))],
    forward: [
      rule(comesElsewhere, goes, request, jump('uses')),
      rule(comes, goesElsewhere, answer, jump('uses')),
      rule(comes, device('oifname', '==', '@uplinks'), request, jump('carries')),
      rule(comesElsewhere, goes, answer, jump('carries')),
    ],
    // What the exit itself has to say of a flow that it carries, such as that a packet is too big.
    output: [rule(goes, request, jump('uses')), rule(goes, answer, jump('carries'))],
  };
}

/** Sources that the exit does not know are hidden behind its client; everyone's are hidden behind the exit. */
function nat(name: string, { exit }: Marks): Chain {
  const masquerade: Rule = { text: 'masquerade', expr: [{ masquerade: null }] };
  const stranger = (ip: 'ip' | 'ip6', set: string): Rule => ({
    text: `${ip} saddr != @${set}`,
    expr: [nft.differs(nft.payload(ip, 'saddr'), `@${set}`)],
  });
  const carried = rule(device('iifname', '==', name), device('oifname', '!=', name), nft.hasMark(exit));
  const used = rule(device('oifname', '==', name), nft.hasMark(exit));
  return {
    hook: { type: 'nat', hook: 'postrouting', priority: natPriority },
    rules: [
      rule(used, stranger('ip', 'own4'), masquerade),
      rule(used, stranger('ip6', 'own6'), masquerade),
      rule(carried, masquerade),
    ],
  };
}

/**
 * A user's own flowtable (firewall4's flow_offloading) would take a flow past these chains, out of the reach of what
 * revokes it. The kernel puts no flow into two of them (IPS_OFFLOAD_BIT of nf_conntrack_common.h): ours comes first.
 */
function keptInSight(name: string): readonly Rule[] {
  return [rule(device('iifname', '==', name), nft.kept), rule(device('oifname', '==', name), nft.kept)];
}

/**
 * Grants name addresses, and anybody writes an address: what enters the mesh must come from where an answer to it would go
 * (RFC 3704, strict), or a stranger on the uplink, and the chosen exit, could send in the name of a LAN. What leaves it
 * was held to its sender by WireGuard.
 */
function inItsOwnName(name: string): Rule {
  return rule(device('oifname', '==', name), direction('original'), nft.strayed, dropped);
}

/** The chains that are there whatever is granted. */
function skeleton(choices: Choices, canOffload: boolean): Chains {
  const { interface: name } = choices;
  const marks = marksOf(choices);
  const exits = exitPaths(name);
  const before = [inItsOwnName(name), ...(canOffload ? keptInSight(name) : [])];
  const forward = hooked('forward', name, ['iifname', 'oifname'], exits.forward, before);
  return new Map<string, Chain>([
    ['grant', { rules: [rule(nft.setMark(marks.granted), accept)] }],
    ...askingChains(marks.exit),
    ['input', hooked('input', name, ['iifname'], exits.input)],
    ['forward', { ...forward, rules: [clamped(name), ...forward.rules] }],
    ['output', hooked('output', name, ['oifname'], exits.output)],
    ['nat', nat(name, marks)],
  ]);
}

interface Granted {
  readonly protocols: readonly Protocol[];
}

const chainNames = new WeakMap<readonly Protocol[], string>();

/** One chain for each distinct list of protocols, named after it: a rule for the list, none for a peer. */
export function chainOf({ protocols }: Granted): string {
  if (protocols[0] === 'any') return 'p_any';
  const name = chainNames.get(protocols) ?? `p_${digestOf(encodeUtf8(protocols.join())).slice(0, 16)}`;
  chainNames.set(protocols, name);
  return name;
}

const icmp = nft.l4(['icmp', 'ipv6-icmp']);

function portRules(transport: 'tcp' | 'udp', protocols: readonly Protocol[]): readonly Rule[] {
  const texts = protocols.filter((each) => each.startsWith(transport)).map((each) => each.slice(4));
  if (texts.length === 0) return [];
  const ports = texts.map((text) => {
    const [first = 0, last] = text.split('-').map(Number);
    return last === undefined ? first : { range: [first, last] };
  });
  const sides = [['original', 'dport'] as const, ['reply', 'sport'] as const];
  return sides.map(([way, field]) =>
    rule(
      direction(way),
      {
        text: `${transport} ${field} { ${texts.join(', ')} }`,
        expr: [equals(nft.payload(transport, field), { set: ports })],
      },
      goto('grant'),
    ),
  );
}

function protocolChain(protocols: readonly Protocol[]): Chain {
  if (protocols[0] === 'any') return { rules: [goto('grant')] };
  // ICMP errors about a granted flow are part of it; without them, path MTU discovery is dead.
  const isIcmpGranted = protocols.includes('icmp' as Protocol);
  const control = isIcmpGranted ? rule(icmp, goto('grant')) : rule(nft.related, icmp, goto('grant'));
  // `goto` leaves no way back to the chain that drops: what matches nothing here is dropped here.
  return { rules: [control, ...portRules('tcp', protocols), ...portRules('udp', protocols), dropped] };
}

/** Everything that names a list of protocols. */
export function grantedOf({ grants, uses, carries }: Desired): readonly Granted[] {
  return [...grants, ...uses, ...carries];
}

function protocolChains(granted: readonly Granted[]): Chains {
  const lists = [...new Set(granted.map(({ protocols }) => protocols))];
  return new Map(lists.map((protocols) => [chainOf({ protocols }), protocolChain(protocols)]));
}

/** Commands that add the chains of these lists of protocols. */
export function renderProtocolChains(granted: readonly Granted[]): string {
  return nft.renderChains(table, protocolChains(granted));
}

/**
 * Commands that put the whole table in place of what was there, in one transaction, without elements and without a lease.
 * Chains that elements go to come before the maps: nft 1.0.6 sends the elements of a new map of intervals with the map.
 */
export function renderTable(desired: Desired, canOffload: boolean): string {
  const families = [
    ['4', 'ip'],
    ['6', 'ip6'],
  ] as const;
  const chains = (isGrant: boolean): Chains =>
    new Map([...skeleton(desired, canOffload)].filter(([name]) => (name === 'grant') === isGrant));
  return [
    `add table ${table}\ndelete table ${table}\nadd table ${table}\n`,
    nft.renderChains(table, chains(true)),
    renderProtocolChains(grantedOf(desired)),
    canOffload
      ? `add flowtable ${table} kept { hook ingress priority 0; devices = { ${nft.keptDevices.join(', ')} }; }\n`
      : '',
    `add set ${table} lease { type ifname; flags timeout; }\n`,
    `add set ${table} uplinks { type ifname; }\n`,
    renderMaps(table, marksOf(desired).exit),
    ...families.map(([family, ip]) => `add set ${table} own${family} { typeof ${ip} saddr; flags interval; }\n`),
    nft.renderChains(table, chains(false)),
  ].join('');
}

export function expectedSkeleton(choices: Choices, canOffload: boolean): ReadonlyMap<string, NftChain> {
  return nft.listed(skeleton(choices, canOffload));
}

export function expectedFlowtables(canOffload: boolean): NftTable['flowtables'] {
  return new Map(canOffload ? [['kept', nft.keptDevices]] : []);
}

export function expectedProtocolChains(desired: Desired): ReadonlyMap<string, NftChain> {
  return nft.listed(protocolChains(grantedOf(desired)));
}
