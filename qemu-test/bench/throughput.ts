// TCP from a host behind one router to a host behind the other: through rustynet, and through a WireGuard that was set up
// by hand on the same two routers in the same boot, with a zone of firewall4 as a person would. In: a mesh. Out: bits a
// second as iperf3's receiver counted them, in turn.
import type { Mesh } from '../topology/mesh.ts';
import { wanAddress, type Router } from '../topology/router.ts';
import type { Series } from '../evidence/budgets.ts';
import { bitsPerSecond, serveIperf, within } from './iperf.ts';

const rounds = 7;
const handPort = 51999;
/** Beside the LAN's own prefix: the host's address for the way by hand. */
const handHost = (index: number): string => `10.98.${index}.2`;

async function setUpByHand({ guest, index }: Router): Promise<string> {
  return guest.run(`umask 077; wg genkey >/tmp/hand.key
ip link add hand0 type wireguard; wg set hand0 listen-port ${handPort} private-key /tmp/hand.key
ip addr add 10.98.${index}.1/24 dev br-lan; ${within} ip addr add ${handHost(index)}/24 dev eth0
uci -q batch <<E
set firewall.hand=zone
set firewall.hand.name=hand
set firewall.hand.device=hand0
set firewall.hand.input=ACCEPT
set firewall.hand.output=ACCEPT
set firewall.hand.forward=ACCEPT
set firewall.hand_out=forwarding
set firewall.hand_out.src=lan
set firewall.hand_out.dest=hand
set firewall.hand_in=forwarding
set firewall.hand_in.src=hand
set firewall.hand_in.dest=lan
set firewall.hand_port=rule
set firewall.hand_port.src=wan
set firewall.hand_port.proto=udp
set firewall.hand_port.dest_port=${handPort}
set firewall.hand_port.target=ACCEPT
E
uci commit firewall; fw4 -q reload; wg pubkey </tmp/hand.key`);
}

async function joinByHand({ guest, index }: Router, other: Router, key: string): Promise<void> {
  const at = `${wanAddress(other.index)}:${handPort}`;
  await guest.run(`wg set hand0 peer ${key.trim()} endpoint ${at} allowed-ips 10.98.${other.index}.0/24
ip link set hand0 up; ip route add 10.98.${other.index}.0/24 dev hand0 src 10.98.${index}.1`);
}

export async function throughput(mesh: Mesh): Promise<readonly Series[]> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const [key1, key2] = [await setUpByHand(r1), await setUpByHand(r2)];
  await Promise.all([joinByHand(r1, r2, key2), joinByHand(r2, r1, key1)]);
  await serveIperf(r2);
  const ways = {
    rustynet: () => bitsPerSecond(r1, r1.hostAddress, r2.hostAddress),
    byHand: () => bitsPerSecond(r1, handHost(1), handHost(2)),
  };
  await ways.rustynet();
  await ways.byHand();
  const values = { rustynet: [] as number[], byHand: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    const order = ['rustynet', 'byHand'] as const;
    for (const way of round % 2 === 0 ? order : order.toReversed()) values[way].push(await ways[way]());
  }
  return [
    { name: 'TCP through rustynet', unit: 'bit/s', values: values.rustynet },
    { name: 'TCP through WireGuard by hand', unit: 'bit/s', values: values.byHand },
  ];
}
