// What the promises of the data plane must have shown: what is granted passes, what is not does not, and the tunnel is
// where it passes. By promise and title of the test; a test without a sample must have run to its end.
import { brokerAddress } from '../../topology/broker.ts';
import { web, web6 } from '../../topology/exit.ts';
import { internet, wanAddress6 } from '../../topology/internet.ts';
import { wanAddress } from '../../topology/router.ts';
import { isSealedPing } from '../../topology/silence.ts';
import { isTunnelData, sentInTheClear, type WanPacket } from '../../topology/witness.ts';
import {
  fetches,
  flows,
  hostOf,
  isCutOff,
  lanOf,
  reaches,
  sealedBy,
  sees,
  silent,
  type Want,
  type Wants,
} from '../wants.ts';

const [host1, host2] = [hostOf(1), hostOf(2)];
const [lan1, lan2] = [lanOf(1), lanOf(2)];
const pageBytes = 1 << 20;
/** The lab asks for the start of a page where it only wants to know whether it comes. */
const startBytes = 1000;
const meshAddress6 = /^fd[0-9a-f]{2}:[0-9a-f:]+$/;

const sealed = (atLeast: number): Want =>
  sees(`no LAN address, and at least ${atLeast} sealed packets`, ({ packets }) => {
    const clear = packets.filter(({ from, to }) => from.startsWith('192.168.') || to.startsWith('192.168.')).length;
    const count = packets.filter(isTunnelData).length;
    return clear === 0 && count >= atLeast ? undefined : `${clear} of LAN addresses, ${count} sealed`;
  });

const sources = (packets: readonly WanPacket[], target: string): string =>
  [...new Set(packets.filter(({ port, to }) => port === 'r2' && to === target).map(({ from }) => from))].join();

const carriedByExit = sees(
  'nothing in the clear from r1 but for the broker, more than 100 sealed packets, and the web asked by r2 alone',
  ({ packets }) => {
    const clear = sentInTheClear(packets, 'r1').filter(({ to }) => to !== brokerAddress).length;
    const count = sealedBy(packets, 'r1').length;
    const by = [internet.web, internet.web6].map((target) => sources(packets, target)).join();
    return clear === 0 && count > 100 && by === [wanAddress(2), wanAddress6(2)].join()
      ? undefined
      : `${clear} in the clear, ${count} sealed, asked by ${by}`;
  },
);

const asksElsewhere = sees('questions to port 53', ({ packets }) =>
  packets.some(({ toPort }) => toPort === 53) ? undefined : `none in ${packets.length} packets`,
);

const [lanAnswers, lanIsShut] = [reaches(host2, lan1, 2), isCutOff(host2, lan1, 2)];

const isStream = (packet: WanPacket): boolean => isTunnelData(packet) && !isSealedPing(packet);
const revoked = [silent(1, isStream), flows(host1, lan2, 100)];

const ethernetHeaderBytes = 14;
/** A megabyte in sealed packets, the longest of which is this long. */
const sealedOf = (least: number, most: number): Want =>
  sees(`more than 700 sealed packets, the longest of ${least} to ${most} bytes`, ({ packets }) => {
    const lengths = packets.filter(isTunnelData).map(({ frame }) => frame.length - ethernetHeaderBytes);
    const longest = Math.max(...lengths);
    return lengths.length > 700 && longest >= least && longest <= most
      ? undefined
      : `${lengths.length}, the longest of ${longest} bytes`;
  });

const leaseEnds = [
  reaches(host1, lan2, 3),
  reaches(host1, lan2, 3),
  isCutOff(host1, lan2, 3),
  isCutOff(host2, lan1, 3),
  reaches(host1, lan2, 3),
];
const restarted = [reaches(host1, lan2, 2), flows(host1, lan2, 100)];
const marksKept = [
  reaches(host1, lan2, 5),
  reaches('r1', lan2, 5),
  reaches(host1, brokerAddress, 5),
  reaches('r1', brokerAddress, 5),
];

export const dataplane: Readonly<Record<string, Wants>> = {
  'members-reach-each-other': {
    'a host behind one router reaches a host behind the other, and nothing of it is on the WAN in the clear': [
      reaches(host1, lan2, 10),
      reaches(host2, lan1, 10),
      sealed(40),
    ],
    'the routers reach each other by their IPv6 mesh addresses': [reaches('r1', meshAddress6, 5)],
    'what the policy no longer grants is dropped, and what it still grants passes': [
      reaches(host1, lan2, 5),
      isCutOff(host2, lan1, 5),
    ],
    'a LAN of its own is not taken over by a member that routes the same network': [],
    'disabled in its settings, the router has no device any more': [isCutOff(host1, lan2, 3)],
  },
  'default-deny': {
    'with a rule for everything, each kind arrives: what follows has something to stop': [reaches(host1, lan2, 3)],
    'without a rule nothing arrives, and the members are no peers in the kernel': [],
    'a rule for one address and one port lets nothing else in, even from a router that keeps to nothing': [
      isCutOff(host2, /^10\./, 2),
      isCutOff(host2, '192.168.1.1', 2),
    ],
  },
  'grant-only-that-port': {
    'both sides hold to it: what is granted arrives, and nothing beside it': [],
    'the granting side alone holds to it': [reaches('r2', meshAddress6, 2)],
  },
  'subnet-needs-both': {
    'announced and granted: it is reached': [lanAnswers],
    'granted and not announced: r1 lets nothing in, even from a router that keeps to nothing': [lanIsShut, lanAnswers],
    'announced and not granted: nobody routes it, and nothing arrives': [lanIsShut, lanAnswers],
  },
  'overlap-is-explained': {
    'the LAN of a member that this router is in too: not routed, explained, and the local one answers': [
      reaches('r1', '192.168.2.1', 2),
    ],
    'the range of the mesh is taken: closed, explained, and the local network answers': [reaches('r1', /^10\./, 2)],
  },
  'revoke-cuts-live-flow': {
    'a live connection stops within 2 s of the map, and the flow beside it goes on': revoked,
    'the same where flows are offloaded': revoked,
    'without the rules that keep granted flows in sight, offloading does take them past the chains': [
      sees('more than 20 frames of the connection', ({ packets }) => {
        const count = packets.filter(isStream).length;
        return count > 20 ? undefined : `${count} frames`;
      }),
    ],
  },
  'mtu-fits-the-path': {
    'over Ethernet, the tunnel takes the 1420 bytes that fit': [sealedOf(1400, 1500)],
    'over PPPoE on one side, both ways: no packet is longer than 1492 bytes': [
      sealedOf(1400, 1492),
      sealedOf(1400, 1492),
    ],
    'over IPv6 alone, both ways': [sealedOf(1400, 1500), sealedOf(1400, 1500)],
  },
  'agent-killed-lease-closes': {
    'an agent that hangs: traffic passes until the lease ends, then none does, and a living agent opens it again':
      leaseEnds,
    'an agent that is killed and not started again: traffic passes until the lease ends, then none does, and a living agent opens it again':
      leaseEnds,
  },
  'agent-restarted-in-lease-drops-nobody': {
    'an agent killed, and started again by procd: no packet of a flow is lost, no handshake is made anew': restarted,
    'an agent restarted by its init script: no packet of a flow is lost, no handshake is made anew': restarted,
  },
  'broker-loss-changes-nothing': {
    'the flow loses nothing while the broker is gone for 20 s, and the next map comes once it is back': [
      flows(host1, lan2, 1000),
    ],
  },
  'package-installs-upgrades-leaves': {
    'upgraded under a flow of 100 pings a second: none is lost, no handshake is made anew, another program runs': [
      flows(host1, lan2, 100),
    ],
    'left and removed: no file, rule, route, section or process is left': [],
    'installed again: the service is up and closed, and nothing of the router is touched': [],
    'joined: enforced, and traffic passes': [],
    'removed while a member: closed at once; but for keys and membership the router is as it was without the package': [
      isCutOff(host1, lan2, 2),
    ],
  },
  'no-half-installation': {
    'upgraded on a flash that is read-only: refused, and the agent that was there goes on, enforced': [
      reaches(host1, lan2, 3),
    ],
    'removed on a flash that is read-only: refused and closed, the LAN goes on, and a boot would start it': [
      isCutOff(host1, lan2, 2),
      reaches(host1, internet.web, 2),
    ],
    'removed on a flash that is full: taken out of UCI whole, and the settings of the router are all there': [
      reaches(host1, internet.web, 2),
    ],
    'installed on a flash with 0 KB left: refused whole, and nothing of the router is touched': [],
    'installed on a flash with 40 KB left: refused whole, and nothing of the router is touched': [],
    'installed on a flash with 150 KB left: refused whole, and nothing of the router is touched': [],
    'installed on a flash with 396 KB left: refused whole, and nothing of the router is touched': [],
    'installed on a flash that is read-only: refused whole, and nothing of the router is touched': [],
    'broken off by a flash that has less than it says: nothing runs, nor would at a boot, and with room it goes in whole':
      [reaches(host1, internet.web, 2), reaches(host1, internet.web, 2)],
    'joins where 60 KB are left, leaves where none are: refused, with every file of settings as it was': [],
  },
  'reboot-comes-back-without-the-broker': {
    'after a reboot without the broker: the same epoch, the same floors, the hosts reach each other': [
      reaches(host1, lan2, 10),
    ],
  },
  'exit-carries-internet': {
    'a megabyte comes through the exit over IPv4 and IPv6, and r1 sends nothing of it in the clear': [
      fetches(host1, web, pageBytes),
      fetches(host1, web6, pageBytes),
      reaches('r1', internet.web, 3),
      carriedByExit,
    ],
    'only the granted port passes the exit, and no port when the map lets somebody else use it': [
      fetches(host1, web, startBytes),
      isCutOff(host1, internet.web, 3),
      fetches(host1, web, 0),
      fetches(host1, web, startBytes),
    ],
    'the LAN behind the exit is reached only with `exit lan on`, on top of the grant': [
      isCutOff(host1, lan2, 3),
      reaches(host1, lan2, 3),
      isCutOff(host1, lan2, 3),
    ],
    'when the exit is one no more, nothing passes, and its rules, routes and settings are what they were before': [
      fetches(host1, web, 0),
    ],
  },
  'mwan3-pbr-marks-untouched': {
    'forwarded and local packets keep the bits, granted ones have ours too, those of the WAN do not': marksKept,
    'with another bit in its settings the same holds for that bit': marksKept,
  },
  'names-resolve': {
    'a name gives both addresses, and each address gives the name, on the router and on a host behind it': [
      reaches('r1', 'r2.lab.mesh.internal', 3),
    ],
    'another member is named without a restart of dnsmasq, and flash is written for the map and its prefixes alone': [],
    'other names go where they went before, and the answers of the user stay': [asksElsewhere],
    'an answer that was bent is put right': [],
    'with dnsmasq stopped the mesh stays open and says what is missing; started again, the names are there': [],
    'after leaving, no file and no name is left': [],
  },
};
