/**
 * The first layer of protected routing: the nft table `inet rustynet_guard`, there while an exit is chosen. In: choices
 * and what is around. Out: the table. What leaves the router goes to the tunnel, to a LAN, or keeps the tunnel alive;
 * all else is dropped, also when every route says otherwise. The second layer is routing.ts.
 */
import type { Choices } from '../policy/desired.ts';
import type { NftTable } from '../wire/nft-json.ts';
import { elementFindings, observedElements, renderChange, type Sets } from './elements.ts';
import { marksOf } from './guard.ts';
import * as nft from './nft.ts';
import { accept, device, dropped, equals, rule, type Chain, type Chains, type Rule } from './nft.ts';
import { askPort, type Observed } from './observed.ts';

export const protectionTable = 'inet rustynet_guard';
/** Before the mesh's own chains: what is dropped here is nobody's to judge. */
const priority = -20;

type Around = Pick<Observed, 'locals' | 'lifelines' | 'uplinkResolvers'>;

/**
 * What an uplink that is itself a tunnel sends: DS-Lite, MAP-E, 6in4, 6rd, GRE. The kernel sends the packet around another
 * anew, which was judged by itself; only the router's own can be such.
 */
export const carriers: readonly string[] = ['ipencap', 'ipv6', 'gre'];

/** What an address needs and what finds the neighbours: DHCP (RFC 2131, 8415) and NDP, MLD (RFC 4861, 3810). */
function housekeeping(): readonly Rule[] {
  const ports = (from: number, to: number): Rule => ({
    text: `udp sport ${from} udp dport ${to}`,
    expr: [equals(nft.payload('udp', 'sport'), from), equals(nft.payload('udp', 'dport'), to)],
  });
  const types = ['nd-router-solicit', 'nd-neighbor-solicit', 'nd-neighbor-advert', 'mld2-listener-report'];
  const neighbours: Rule = {
    text: `icmpv6 type { ${types.join(', ')} }`,
    expr: [equals(nft.payload('icmpv6', 'type'), { set: types })],
  };
  return [ports(68, 67), ports(546, 547), neighbours].map((each) => rule(each, accept));
}

function lifelines(ip: 'ip' | 'ip6'): readonly Rule[] {
  const [family, target] = [ip === 'ip' ? 4 : 6, nft.payload(ip, 'daddr')];
  const key = { concat: [target, nft.meta('l4proto'), nft.payload('th', 'dport')] };
  const known: Rule = {
    text: `${ip} daddr . meta l4proto . th dport @lifelines${family}`,
    expr: [equals(key, `@lifelines${family}`)],
  };
  const asked: Rule = {
    text: `${ip} daddr @resolvers${family} udp sport ${askPort} udp dport 53`,
    expr: [
      equals(target, `@resolvers${family}`),
      equals(nft.payload('udp', 'sport'), askPort),
      equals(nft.payload('udp', 'dport'), 53),
    ],
  };
  return [rule(known, accept), rule(asked, accept)];
}

function skeleton(choices: Choices): Chains {
  const inside = [
    rule(device('oifname', '==', choices.interface), accept),
    rule(device('oifname', '==', '@local'), accept),
  ];
  const tunnel = rule(nft.l4('udp'), nft.hasMark(marksOf(choices).tunnel), accept);
  const outer = rule(nft.l4(carriers), accept);
  const own = [rule(device('oifname', '==', 'lo'), accept), tunnel, outer, ...housekeeping()];
  const hook = (name: 'forward' | 'output'): nft.Hook => ({ type: 'filter', hook: name, priority });
  return new Map<string, Chain>([
    ['forward', { hook: hook('forward'), rules: [...inside, dropped] }],
    ['output', { hook: hook('output'), rules: [...inside, ...own, ...lifelines('ip'), ...lifelines('ip6'), dropped] }],
  ]);
}

function setsOf({ locals, lifelines: known, uplinkResolvers }: Around): Sets {
  const isV6 = (text: string): boolean => text.includes(':');
  const words = (list: readonly string[]): ReadonlyMap<string, string> => new Map(list.map((word) => [word, '']));
  return new Map([
    ['local', words(locals.map(({ device: name }) => name))],
    ...([4, 6] as const).flatMap((family): [string, ReadonlyMap<string, string>][] => {
      const own = known.filter(({ address }) => isV6(address) === (family === 6));
      return [
        [`lifelines${family}`, words(own.map((each) => `${each.address} . ${each.protocol} . ${each.port}`))],
        [`resolvers${family}`, words(uplinkResolvers.filter((each) => isV6(each) === (family === 6)))],
      ];
    }),
  ]);
}

function rendered(sets: Sets, found?: NftTable): string {
  return [...sets]
    .map(([name, wanted]) =>
      renderChange(protectionTable, name, wanted, found ? observedElements(found, name) : new Map()),
    )
    .join('');
}

/** The whole table in place of what was there, in one transaction. */
export function renderProtection(choices: Choices, around: Around): string {
  const sets = ([4, 6] as const).flatMap((family) => {
    const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
    return [
      `add set ${protectionTable} lifelines${family} { type ${address} . inet_proto . inet_service; }\n`,
      `add set ${protectionTable} resolvers${family} { type ${address}; }\n`,
    ];
  });
  return [
    `add table ${protectionTable}\ndelete table ${protectionTable}\nadd table ${protectionTable}\n`,
    `add set ${protectionTable} local { type ifname; }\n`,
    ...sets,
    nft.renderChains(protectionTable, skeleton(choices)),
    rendered(setsOf(around)),
  ].join('');
}

/** What differs in the rules and sets of the table; `undefined` is a table that is not there. */
function skeletonFindings(choices: Choices, found: NftTable | undefined): readonly string[] {
  if (found === undefined) return [`table ${protectionTable}: wanted it, got none`];
  const wanted = JSON.stringify([...nft.listed(skeleton(choices))].sort());
  const got = JSON.stringify([...found.chains].sort());
  const names = [...found.sets.keys()].sort().join();
  const expected = [...setsOf({ locals: [], lifelines: [], uplinkResolvers: [] }).keys()].sort().join();
  return [
    ...(wanted === got ? [] : [`rules of ${protectionTable}: wanted ${wanted}, got ${got}`]),
    ...(names === expected ? [] : [`sets of ${protectionTable}: wanted ${expected}, got ${names}`]),
  ];
}

export function isProtected({ exit }: Choices): boolean {
  return exit !== 'off';
}

export function protectionFindings(
  choices: Choices,
  observed: Around & Pick<Observed, 'protection'>,
): readonly string[] {
  const { protection } = observed;
  if (!isProtected(choices)) return [];
  const rules = skeletonFindings(choices, protection);
  return protection === undefined || rules.length > 0 ? rules : elementFindings(setsOf(observed), protection);
}

/** Empty when the kernel has what is wanted. */
export function protectionScript(choices: Choices, observed: Around & Pick<Observed, 'protection'>): string {
  const { protection } = observed;
  if (!isProtected(choices)) return protection === undefined ? '' : `delete table ${protectionTable}\n`;
  if (protection === undefined || skeletonFindings(choices, protection).length > 0) {
    return renderProtection(choices, observed);
  }
  return rendered(setsOf(observed), protection);
}
