/**
 * What packets must meet on a router, a scenario a table: the rules as they are rendered, and who sees whom as what.
 * mutations.ts breaks the same rules on purpose; meet.ts sends the packets.
 */
import { renderWhole } from '../../src/plan/elements.ts';
import { marksOf } from '../../src/plan/guard.ts';
import { askPort } from '../../src/plan/observed.ts';
import { renderProtection } from '../../src/plan/protection.ts';
import { desiredRouting, isPath } from '../../src/plan/routing.ts';
import { compile } from '../../src/policy/compile.ts';
import type { Choices, Desired } from '../../src/policy/desired.ts';
import type { Label } from '../../src/trust/types.ts';
import { believed, choices, exitRule, rule } from '../policy/believed.ts';
import { around, at, members, observedAround, vps, type Place } from './router-world.ts';

export type Expectation = readonly [
  sentence: string,
  from: Place,
  probe: `${'tcp' | 'udp'} ${string} > ${string}`,
  wanted: string,
];
/** Lines for nft(8), and for ip(8) in both families. */
export interface Rules {
  readonly nft: string;
  readonly ip4: string;
  readonly ip6: string;
}
export interface Scenario {
  readonly rules: Rules;
  readonly expectations: readonly Expectation[];
  /** The lease ends meanwhile. */
  readonly waitMs?: number;
  /** What becomes of packets on their way out of the mesh; none of them may get behind the rules. */
  readonly bent?: string;
}

export const exits = [
  exitRule('member:laptop', 'member:vps', 'tcp:443', 'udp:53'),
  exitRule('member:vps', 'member:hub'),
];
export const desiredAs = (over: Partial<Choices>, ...rules: unknown[]): Desired =>
  compile(believed(rules, members, exits), vps.id, { ...choices, announced: vps.subnets, ...over });

const leased = (seconds: number): string => `add element inet rustynet lease { "rn0" timeout ${seconds}s }\n`;
const judged = (desired: Desired, leaseS = 60): Rules => ({
  nft: renderWhole(desired, observedAround) + leased(leaseS),
  ip4: '',
  ip6: '',
});
const pairs = [
  rule('member:laptop', 'member:vps', 'tcp:22', 'udp:53'),
  rule('member:laptop', '192.168.4.0/24', 'tcp:443'),
  rule('member:vps', 'member:office', 'tcp:22'),
];
const protectedDesired = desiredAs({ exit: 'hub' as Label });

/** What WireGuard does to its packets, to whatever goes to its port. */
const marking = `add table inet marking
add chain inet marking out { type route hook output priority -150; }
add rule inet marking out th dport 51820 meta mark set ${marksOf(choices).tunnel}
`;

const isSet = (): boolean => true;
const isLeft = (line: string): boolean => !isPath(line);
/** Routing alone holds too: as it is set, and what is left when the tunnel's device is gone. */
function routed(desired: Desired, isThere: (line: string) => boolean): Rules {
  const lines = (family: 4 | 6): string => {
    const { rules, routes } = desiredRouting(desired, observedAround)[family];
    const held = routes.filter(isThere).map((line) => `route replace ${line}\n`);
    return [...held, ...rules.map((line) => `rule add ${line}\n`)].join('');
  };
  return { nft: '', ip4: lines(4), ip6: lines(6) };
}

export const scenarios = {
  pairs: {
    rules: judged(desiredAs({}, ...pairs)),
    expectations: [
      ['a granted port is answered', 'mesh', `tcp ${at.laptop} > ${at.router} 22`, at.laptop],
      ['so is the other protocol of the rule', 'mesh', `udp ${at.laptop} > ${at.router} 53`, at.laptop],
      ['so it is in IPv6', 'mesh', `tcp ${at.laptop6} > ${at.router6} 22`, at.laptop6],
      ['a port beside it is not', 'mesh', `tcp ${at.laptop} > ${at.router} 443`, 'none'],
      ['nor in IPv6', 'mesh', `tcp ${at.laptop6} > ${at.router6} 443`, 'none'],
      ['nor another protocol with that port', 'mesh', `udp ${at.laptop} > ${at.router} 22`, 'none'],
      ['nor what looks like an answer', 'mesh', `udp ${at.laptop} 53 > ${at.router} 443`, 'none'],
      ['another member is not granted', 'mesh', `tcp ${at.office} > ${at.router} 22`, 'none'],
      ['nor is it heard', 'mesh', `udp ${at.office} > ${at.router} 53`, 'none'],
      ['nor in IPv6, another member', 'mesh', `tcp ${at.office6} > ${at.router6} 22`, 'none'],
      ['a LAN is reached by its prefix', 'mesh', `tcp ${at.laptop} > ${at.host} 443`, at.laptop],
      ['by no other port', 'mesh', `tcp ${at.laptop} > ${at.host} 22`, 'none'],
      ['a LAN that the map does not know is not', 'mesh', `tcp ${at.laptop} > ${at.guest} 443`, 'none'],
      ['nor does a packet get there', 'mesh', `udp ${at.laptop} > ${at.guest} 443`, 'none'],
      ['the LAN of the source of a rule sends too', 'lan', `tcp ${at.host} > ${at.office} 22`, at.host],
      ['no other LAN does', 'lan', `tcp ${at.guest} > ${at.office} 22`, 'none'],
      ['nor does a packet of it get out', 'lan', `udp ${at.guest} > ${at.office} 22`, 'none'],
      ['the router sends what it may', 'router', `tcp ${at.router} > ${at.office} 22`, at.router],
      ['and nothing else', 'router', `tcp ${at.router} > ${at.office} 443`, 'none'],
      ['nor to others', 'router', `udp ${at.router} > ${at.laptop} 22`, 'none'],
      ['nor in IPv6, to others', 'router', `tcp ${at.router6} > ${at.laptop6} 22`, 'none'],
      ['no internet without an exit', 'mesh', `udp ${at.laptop} > ${at.public} 53`, 'none'],
      ['no internet by the mesh without an exit', 'lan', `tcp ${at.host} > ${at.behindHub} 443`, 'none'],
    ],
  },
  invalid: {
    rules: judged(desiredAs({}, rule('any', 'any'))),
    // Flags that no connection has: conntrack makes nothing of them.
    bent: 'tcp dport 8883 tcp flags set fin | syn | rst',
    expectations: [
      ['everything is granted', 'mesh', `tcp ${at.laptop} > ${at.router} 443`, at.laptop],
      ['and this is not judged', 'mesh', `tcp ${at.laptop} > ${at.router} 8883`, 'none'],
    ],
  },
  'no lease': {
    rules: judged(desiredAs({ offersExit: true, exit: 'hub' as Label }, rule('any', 'any 192.168.4.0/24')), 1),
    waitMs: 1300,
    expectations: [
      ['a grant opens nothing', 'mesh', `tcp ${at.laptop} > ${at.router} 22`, 'none'],
      ['nor in IPv6', 'mesh', `tcp ${at.laptop6} > ${at.router6} 22`, 'none'],
      ['nor is a packet heard', 'mesh', `udp ${at.laptop} > ${at.router} 53`, 'none'],
      ['nor does an exit carry', 'mesh', `tcp ${at.laptop} > ${at.public} 443`, 'none'],
      ['nor is it used', 'lan', `tcp ${at.guest} > ${at.behindHub} 443`, 'none'],
      ['nor does the router send', 'router', `udp ${at.router} > ${at.office} 22`, 'none'],
      ['nor does a packet get to the LAN', 'mesh', `udp ${at.laptop} > ${at.host} 22`, 'none'],
      ['nor from it', 'lan', `udp ${at.host} > ${at.laptop} 22`, 'none'],
    ],
  },
  exit: {
    rules: judged(desiredAs({ offersExit: true })),
    expectations: [
      ['it carries, hidden behind itself', 'mesh', `tcp ${at.laptop} > ${at.public} 443`, at.uplink],
      ['every granted protocol', 'mesh', `udp ${at.laptop} > ${at.public} 53`, at.uplink],
      ['IPv6 too', 'mesh', `tcp ${at.laptop6} > ${at.public6} 443`, at.uplink6],
      ['no other port', 'mesh', `tcp ${at.laptop} > ${at.public} 22`, 'none'],
      ['no other protocol with that port', 'mesh', `udp ${at.laptop} > ${at.public} 443`, 'none'],
      ['no other member', 'mesh', `tcp ${at.office} > ${at.public} 443`, 'none'],
      ['no other member in IPv6', 'mesh', `tcp ${at.office6} > ${at.public6} 443`, 'none'],
      ['not to a public address in its own LAN', 'mesh', `tcp ${at.laptop} > ${at.lanPublic} 443`, 'none'],
      ['not to its LAN', 'mesh', `tcp ${at.laptop} > ${at.host} 443`, 'none'],
      ['not to a private address at its uplink', 'mesh', `tcp ${at.laptop} > ${at.wanPrivate} 443`, 'none'],
      ['nor in IPv6', 'mesh', `tcp ${at.laptop6} > ${at.wanPrivate6} 443`, 'none'],
      ['not to itself', 'mesh', `tcp ${at.laptop} > ${at.router} 443`, 'none'],
      ['the internet reaches nobody through it', 'wan', `udp ${at.public} > ${at.laptop} 53`, 'none'],
      ['its own LAN uses the uplink as before', 'lan', `tcp ${at.host} > ${at.public} 443`, at.host],
    ],
  },
  client: {
    rules: judged(desiredAs({ exit: 'hub' as Label })),
    expectations: [
      ['a LAN that the mesh knows goes out as itself', 'lan', `tcp ${at.host} > ${at.behindHub} 443`, at.host],
      ['another one is hidden', 'lan', `tcp ${at.guest} > ${at.behindHub} 443`, at.router],
      ['IPv6 of the LAN is hidden', 'lan', `tcp ${at.host6} > ${at.behindHub6} 443`, at.router6],
      ['the router goes out', 'router', `tcp ${at.router} > ${at.behindHub} 443`, at.router],
      ['from its uplink address too, hidden', 'router', `tcp ${at.uplink} > ${at.behindHub} 443`, at.router],
      ['no member is reached this way', 'lan', `tcp ${at.guest} > ${at.office} 443`, 'none'],
      ['nor does the exit reach in', 'mesh', `udp ${at.behindHub} > ${at.host} 443`, 'none'],
      ['nor in IPv6', 'mesh', `udp ${at.behindHub6} > ${at.host6} 443`, 'none'],
      ['nor the router', 'mesh', `udp ${at.behindHub} > ${at.router} 22`, 'none'],
      ['nor is it carried, not offering to', 'mesh', `tcp ${at.laptop} > ${at.public} 443`, 'none'],
    ],
  },
  strangers: {
    rules: {
      ...routed(protectedDesired, isSet),
      nft: judged(desiredAs({ exit: 'hub' as Label }, rule('member:vps', 'member:office', 'udp:53'))).nft,
    },
    expectations: [
      ['a LAN sends to a member', 'lan', `udp ${at.host} > ${at.office} 53`, at.host],
      ['nobody on the uplink does in its name', 'wan', `udp ${at.absent} > ${at.office} 53`, 'none'],
      ['nor in that of the router', 'wan', `udp ${at.router6} > ${at.office6} 53`, 'none'],
      ['a LAN goes out by the exit', 'lan', `tcp ${at.host} > ${at.behindHub} 443`, at.host],
      ['one that the map does not know too', 'lan', `tcp ${at.guest} > ${at.behindHub} 443`, at.router],
      ['nobody on the uplink does', 'wan', `udp ${at.public} > ${at.behindHub} 443`, 'none'],
      ['nor in IPv6', 'wan', `udp ${at.public6} > ${at.behindHub6} 443`, 'none'],
    ],
  },
  protection: {
    rules: { nft: renderProtection(protectedDesired, around) + marking, ip4: '', ip6: '' },
    expectations: [
      ['nothing forwarded leaves by the uplink', 'lan', `tcp ${at.host} > ${at.public} 443`, 'none'],
      ['nor UDP', 'lan', `udp ${at.host} > ${at.public} 443`, 'none'],
      ['nor DNS', 'lan', `udp ${at.host} > ${at.public} 53`, 'none'],
      ['nor IPv6', 'lan', `tcp ${at.host6} > ${at.public6} 443`, 'none'],
      ['nor to what is a lifeline of the router', 'lan', `tcp ${at.host} > ${at.public} 8883`, 'none'],
      ['nothing of the router does', 'router', `tcp ${at.uplink} > ${at.public} 443`, 'none'],
      ['nor IPv6 of it', 'router', `tcp ${at.uplink6} > ${at.public6} 443`, 'none'],
      ['nor DNS of it', 'router', `udp ${at.uplink} > ${at.public} 53`, 'none'],
      ['its lifelines are answered', 'router', `tcp ${at.uplink} > ${at.public} 8883`, at.uplink],
      ['in IPv6 too', 'router', `tcp ${at.uplink6} > ${at.public6} 8883`, at.uplink6],
      ['not by UDP', 'router', `udp ${at.uplink} > ${at.public} 8883`, 'none'],
      ['resolvers are asked from one port', 'router', `udp ${at.uplink} ${askPort} > ${at.public} 53`, at.uplink],
      ['also in IPv6', 'router', `udp ${at.uplink6} ${askPort} > ${at.public6} 53`, at.uplink6],
      ['not others', 'router', `udp ${at.uplink} ${askPort} > 203.0.113.1 53`, 'none'],
      ['DHCP passes', 'router', `udp ${at.uplink} 68 > ${at.public} 67`, at.uplink],
      ['DHCPv6 passes', 'router', `udp ${at.uplink6} 546 > ${at.public6} 547`, at.uplink6],
      ["the tunnel's own packets pass", 'router', `udp ${at.uplink} > ${at.public} 51820`, at.uplink],
      ['nothing else with their mark does', 'router', `tcp ${at.uplink} > ${at.public} 51820`, 'none'],
      ['the LAN is reached', 'router', `tcp 192.168.4.1 > ${at.host} 443`, '192.168.4.1'],
      ['no answer of it goes out', 'wan', `tcp ${at.public} > ${at.host} 443`, 'none'],
      ['the tunnel is open', 'lan', `tcp ${at.host} > ${at.behindHub} 443`, at.host],
    ],
  },
  routing: {
    rules: routed(protectedDesired, isLeft),
    expectations: [
      ['nothing forwarded finds the uplink', 'lan', `tcp ${at.host} > ${at.public} 443`, 'none'],
      ['nor IPv6', 'lan', `tcp ${at.host6} > ${at.public6} 443`, 'none'],
      ['nor what is a lifeline of the router', 'lan', `tcp ${at.host} > ${at.public} 8883`, 'none'],
      ['nothing of the router does', 'router', `tcp ${at.uplink} > ${at.public} 443`, 'none'],
      ['nor IPv6 of it', 'router', `tcp ${at.uplink6} > ${at.public6} 443`, 'none'],
      ['its lifelines do', 'router', `tcp ${at.uplink} > ${at.public} 8883`, at.uplink],
      ['in IPv6 too', 'router', `tcp ${at.uplink6} > ${at.public6} 8883`, at.uplink6],
      ['resolvers are asked from one port', 'router', `udp ${at.uplink} ${askPort} > ${at.public} 53`, at.uplink],
      ['and from no other', 'router', `udp ${at.uplink} > ${at.public} 53`, 'none'],
      ['the LAN is reached', 'router', `tcp 192.168.4.1 > ${at.host} 443`, '192.168.4.1'],
      ['also in IPv6', 'router', `tcp 2001:db8:4::1 > ${at.host6} 443`, '2001:db8:4::1'],
    ],
  },
} as const satisfies Record<string, Scenario>;

/** By sentence, the source that was seen; `none` where no packet arrived. */
export type Outcome = Readonly<Record<string, string>>;

export const behind = 'a bent packet got behind the rules';

export function wantedOf({ expectations, bent }: Scenario): Outcome {
  const wanted = Object.fromEntries(expectations.map(([sentence, , , source]) => [sentence, source]));
  return bent === undefined ? wanted : { ...wanted, [behind]: 'none' };
}
