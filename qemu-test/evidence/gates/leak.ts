// What the promises of leaks must have shown: first that the witness sees a leak of every kind, then that there is none,
// whatever fails. Recounted from the frames that the WAN carried. By promise and title of the test.
import { web } from '../../topology/exit.ts';
import { leakLine, leaksOf } from '../../topology/leak.ts';
import { wanAddress } from '../../topology/router.ts';
import type { WanPacket } from '../../topology/witness.ts';
import {
  eventually,
  fetches,
  hostOf,
  lanOf,
  leaksNothing,
  reaches,
  sealedBy,
  sees,
  type Want,
  type Wants,
} from '../wants.ts';

const [host1, host2] = [hostOf(1), hostOf(2)];
const carries = fetches(host1, web, 1000);
const carriesNothing = fetches(host1, web, 0);
const carriesAgain = eventually(carries);

/** Beginnings and ends of lines: ICMP, TCP, UDP, ICMPv6 and UDP over IPv6; DNS, web and DNS over TLS. */
const kinds = [
  '1 198.51.100.11 0 > 203.0.113.1 0',
  '6 198.51.100.11',
  '17 198.51.100.11',
  '58 2001:db8:',
  '17 2001:db8:',
];
const ports = [' 53', ' 80', ' 853'];

const everyKind = sees('a leak of every kind', ({ packets }) => {
  const lines = leaksOf(packets, 'r1').map(leakLine);
  const missing = [
    ...kinds.filter((kind) => !lines.some((line) => line.startsWith(kind))),
    ...ports.filter((port) => !lines.some((line) => line.endsWith(port))),
  ];
  return missing.length === 0 ? undefined : `${lines.length} leaks, none like "${missing.join('" "')}"`;
});

const failed = [carriesAgain, leaksNothing('r1')];

/** How long r1 sealed and sent what was not granted: none before the promise did what it does. */
const opens = (what: string, fits: (ms: number) => boolean): Want =>
  sees(`what was not granted passes ${what}, and never before`, ({ packets, marks }) => {
    const doneMs = marks.get('done') ?? Number.POSITIVE_INFINITY;
    const leaked = sealedBy(packets, 'r1').filter(({ from }) => from === wanAddress(1));
    const early = leaked.filter(({ atMs }) => atMs < doneMs).length;
    const ms = (leaked.at(-1)?.atMs ?? 0) - (leaked[0]?.atMs ?? 0);
    const isProbed = Number.isFinite(doneMs) && leaked.length > 0;
    return isProbed && early === 0 && fits(ms) ? undefined : `${ms} ms, ${early} packets before`;
  });
const flushed = [opens('for less than 1.5 s', (ms) => ms < 1500)];

const questions = (packets: readonly WanPacket[]): string[] =>
  packets.filter(({ toPort }) => toPort === 53).map(({ payload }) => payload.toString('latin1'));
const tells = (text: string): boolean => text.includes('internal') || text.includes('in-addr');
const hidden = (isControlled: boolean): Want =>
  sees(`no question about the mesh${isControlled ? ', and the one that may pass' : ''}`, ({ packets }) => {
    const asked = questions(packets);
    const isSeen = asked.some((text) => text.includes('\x04seen\x07example'));
    const told = asked.filter(tells).length;
    return told === 0 && (isSeen || !isControlled) ? undefined : `${told} of ${asked.length} questions about the mesh`;
  });

export const leak: Readonly<Record<string, Wants>> = {
  'no-leak-when-something-fails': {
    'without protection all of it is seen: the clear path works, and the witness sees every kind': [everyKind],
    'with an exit, nothing but sealed packets and lifelines': [leaksNothing('r1', 21), carries],
    'nothing leaks when the agent is killed and comes back': failed,
    'nothing leaks when the agent is gone and its lease ends': failed,
    'nothing leaks when the tunnel device is deleted': failed,
    'nothing leaks when the interface is taken down by hand': failed,
    'nothing leaks when the network is restarted': failed,
    'nothing leaks when every nft table is flushed: routing alone holds': failed,
    'nothing leaks when the firewall is stopped': failed,
    'nothing leaks when the rules of routing are gone: nft alone holds': failed,
    'nothing leaks when the service is stopped': failed,
    'nothing leaks when the uplink flaps': failed,
    'nothing leaks when the uplink changes to another device': failed,
    'nothing leaks when the package is upgraded': failed,
    'nothing leaks when the exit is gone, and none when it is back': [
      carriesNothing,
      carriesAgain,
      leaksNothing('r1', 1),
    ],
    'nothing leaks from the first packet of a boot to the tunnel': [leaksNothing('r1', 1)],
    'nothing leaks at a boot whose guard cannot be loaded: the router is shut until the agent has set it': failed,
    'nothing leaks at a boot whose guard is missing: the router is shut until the agent has set it': failed,
  },
  'no-leak-under-load': {
    '50 maps and 20 torn tunnels under full traffic: nothing in the clear': [carriesAgain, leaksNothing('r1', 1000)],
  },
  'closed-while-firewall-stopped': {
    'the witness sees a leak: with the agent stopped, a flush lets the flow out': [
      opens('for more than 1 s', (ms) => ms > 1000),
    ],
    'after "/etc/init.d/firewall stop" our table is back by itself, and what is granted passes on': flushed,
    'after "nft flush ruleset" our table is back by itself, and what is granted passes on': flushed,
    'a reload and a restart of the firewall leave our table as it is, and a granted flow with it': [
      reaches(host2, lanOf(1), 500),
    ],
  },
  'names-hide-what-policy-hides': {
    'a member without a granted pair has no name; with one it has; revoked, it has none again': [],
    'no name of the zone and no address of the mesh is asked of a stranger': [hidden(true)],
    'closed, the zone is empty and still asked of nobody': [hidden(false)],
  },
};
