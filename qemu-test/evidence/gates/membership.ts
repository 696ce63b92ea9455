// What the promises of membership must have shown: who is in the newest map that holds is a member, and nobody else is,
// not an older map's, a bent map's, an ended map's, and a member that stays notices nothing. By promise and title.
import { isTunnelData } from '../../topology/witness.ts';
import { flows, flowsAtFirst, hostOf, isCutOff, lanOf, probes, reaches, silent, type Wants } from '../wants.ts';

const [host1, host2, host3] = [hostOf(1), hostOf(2), hostOf(3)];
const [lan1, lan2] = [lanOf(1), lanOf(2)];
const cutOffInTime = silent(1, isTunnelData);
const shutThenOpen = [
  reaches(host1, lan2, 3),
  isCutOff(host1, lan2, 3),
  isCutOff(host2, lan1, 3),
  reaches(host1, lan2, 3),
];

const clockWrong = [isCutOff(host1, lan2, 3), isCutOff(host2, lan1, 3), reaches(host1, lan2, 10)];
const staysShut = [isCutOff(host1, lan2, 30), isCutOff(host2, lan1, 3)];

export const membership: Readonly<Record<string, Wants>> = {
  'stranger-is-not-admitted': {
    'a router with an invite but not in the map is closed: no interface, no peers, and it says why': [
      isCutOff(host3, lan1, 3),
    ],
    'a WireGuard set up by hand with the key of a member gets no handshake, and the member never lists it': [
      isCutOff(host3, lan1, 10),
    ],
    'the members beside it reach each other': [reaches(host1, lan2, 5)],
  },
  'invite-admits-once': {
    'of two routers that hold one invite, one becomes a peer in the kernel and forgets the invite, the other waits': [
      reaches(host1, /^10\./, 5),
    ],
    'of 200 clients that ask with one invite, one becomes a peer in the kernel, and the invite is used': [],
  },
  'expired-invite-refused': {
    'asked in time and approved too late, also with a clock of the router set back: nobody is let in': [
      isCutOff(host2, lan1, 3),
    ],
    'an invite that was revoked while the router asked lets nobody in': [isCutOff(host2, lan1, 3)],
    'with an invite that holds, the same router becomes a peer in the kernel, and LANs reach each other': [
      reaches(host1, lan2, 5),
    ],
  },
  'join-flood-harms-nobody': {
    'a live flow loses nothing, the service keeps its bounds, and an honest router is let in meanwhile': [
      flows(host1, lan2, 2000, 1 / 20_000),
    ],
  },
  'break-glass-ends-by-itself': {
    'closed to each other, and while UCI forbids it, nobody opens it': [isCutOff(host1, lan2, 5)],
    'typed on a terminal of both, it opens: the kernel has the peer, traffic passes, the state says so': [
      reaches(host1, lan2, 5),
    ],
    'a reboot of the one with an hour left ends it there, and its log says both': [],
    'the minute of the other ends by itself: no peer, and no traffic to one that is open again': [
      isCutOff(host1, lan2, 5),
    ],
  },
  'removed-member-is-cut-off': {
    'its live flow stops within 2 s, seen from the WAN': [cutOffInTime, flowsAtFirst(host2, lan1, 50)],
    'it is no peer in the kernel, and knows itself that it is no member': [],
  },
  'removed-router-cannot-return': {
    'its WireGuard set up by hand with all it knew gets no handshake': [
      reaches(host2, lan1, 3),
      isCutOff(host2, lan1, 10),
    ],
    'the map in which it was a member, said with its login and by a broker that helps it, is taken by nobody': [],
    'left and joined anew with an invite of before, it is closed: an invite lets it see, not in': [
      isCutOff(host2, lan1, 3),
    ],
    'its login ended at the broker, it is cut off at once, and reads no map that is made after that': [],
    'made anew, with keys that nobody stole, it is a member again, and the kernel knows the new key alone': [
      reaches(host2, lan1, 5),
    ],
  },
  'wireguard-key-rotates-without-loss': {
    'r2 takes another key under a flow of 100 pings a second: none is lost, and the other kernel knows the new key alone':
      [flows(host1, lan2, 300)],
    'r1 takes another key under a flow of 100 pings a second: none is lost, and the other kernel knows the new key alone':
      [flows(host1, lan2, 300)],
    'with the key of before, nobody gets a handshake, and no file of the router has it': [reaches(host1, lan2, 3)],
  },
  'adding-a-peer-disturbs-nobody': {
    '50 edits, 100 packets a second, none lost, no handshake before its time': [
      probes(host1, lan2, 2),
      flows(host1, lan2, 2500, 1 / 20_000),
    ],
  },
  'tampered-map-changes-nothing': {
    'bent, truncated, empty and foreign maps are refused and counted, and the kernel does not move': [
      flows(host1, lan2, 300),
    ],
    'the true map is taken again afterwards': [],
  },
  'rolled-back-map-is-refused-after-reboot': {
    'after a power cut, the map of the epoch before is refused as a rollback and the newer one is in force': [
      reaches(host1, lan2, 5),
    ],
    'a state that lost a byte is closed with a clear message, and is not taken for a first use': [
      isCutOff(host1, lan2, 3),
    ],
  },
  'owners-rotate-the-map-key': {
    'whoever stole the only map key lets a spy in, at the highest epoch there is': [],
    'two of three owners replace the key: kernels list the members of the next map and no spy, after five roots, too': [
      reaches(host1, lan2, 5),
    ],
    'maps of the stolen key are refused from then on and no kernel moves; the next honest one is taken': [],
  },
  'map-expires': {
    'an agent that hangs, and a clock set back: the kernel closes when the map ends, not later': shutThenOpen,
    'an agent that is killed and not started again, and a clock set back: the kernel closes when the map ends, not later':
      shutThenOpen,
  },
  'full-flash-closes': {
    'flash that is full: the next map closes the router, which says why, and opens once there is room': shutThenOpen,
    'flash that is read-only: the next map closes the router, which says why, and opens once there is room':
      shutThenOpen,
    'a boot with a full flash: what was kept before is enforced, and nothing more is needed of it': [
      reaches(host1, lan2, 3),
    ],
  },
  'clock-1970': {
    'a clock of 1970: blocked, no older map is taken, and NTP opens it again': clockWrong,
    'a clock ten hours back: blocked, no older map is taken, and NTP opens it again': clockWrong,
    'a clock a year ahead: blocked, no older map is taken, and NTP opens it again': clockWrong,
  },
  'clock-back': {
    'NTP shows that the map has ended: closed, and the time is on flash': [reaches(host1, lan2, 3), ...staysShut],
    'a hand sets the clock back to when the map was good: it stays closed': staysShut,
    'also after a reboot with that clock': staysShut,
    'also where NTP itself says that earlier time afterwards': staysShut,
  },
};
