// What people use instead, between the same two routers in the same boot: the kernel's WireGuard set up by hand, wireguard-go
// and nebula, the last two as Debian packs them, put into the running guests and not into their image. Each has a prefix of
// its own beside the routers' LANs, the same MTU, and a zone of firewall4 as a person would make it. In: a mesh. Out: the
// ways from host to host, ready. Specified in wg(8), wireguard-go(8), Nebula's examples/config.yml.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OUT } from '../image/build.ts';
import { download, needPackageLists, run, unpack } from '../image/packages.ts';
import type { Mesh } from '../topology/mesh.ts';
import { wanAddress, type Router } from '../topology/router.ts';
import { within } from './iperf.ts';

export interface Way {
  readonly name: string;
  /** On both routers. */
  readonly device: string;
  /** Addresses of the hosts behind the first and the second. */
  readonly source: string;
  readonly target: string;
}

type Pair = readonly [Router, Router];

interface Peer {
  readonly name: string;
  readonly device: string;
  readonly port: number;
  /** `172.N.<router>.0/24` lies behind each router: a mesh of the lab is in 10.0.0.0/8. */
  readonly net: number;
}
const byHand: Peer = { name: 'WireGuard by hand', device: 'hand0', port: 51999, net: 29 };
const wireGuardGo: Peer = { name: 'wireguard-go', device: 'go0', port: 51998, net: 30 };
const nebula: Peer = { name: 'nebula', device: 'nebula0', port: 4242, net: 31 };
const peers = [byHand, wireGuardGo, nebula];

/** WireGuard's own over Ethernet, and rustynet's; nebula's is 1300 if nothing is said. */
const mtu = 1420;
/** A router's own address inside nebula. */
const nebulaAddress = (index: number): string => `172.28.0.${index}`;
const lanOf = ({ net }: Peer, index: number): string => `172.${net}.${index}.0/24`;
const routerOf = ({ net }: Peer, index: number): string => `172.${net}.${index}.1`;
const hostOf = ({ net }: Peer, index: number): string => `172.${net}.${index}.2`;

async function openFirewall({ guest, index }: Router): Promise<void> {
  const addresses = peers.map(
    (peer) =>
      `ip addr add ${routerOf(peer, index)}/24 dev br-lan; ${within} ip addr add ${hostOf(peer, index)}/24 dev eth0`,
  );
  await guest.run(`${addresses.join('\n')}
uci -q batch <<E
set firewall.hand=zone
set firewall.hand.name=hand
${peers.map(({ device }) => `add_list firewall.hand.device=${device}`).join('\n')}
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
${peers.map(({ port }) => `add_list firewall.hand_port.dest_port=${port}`).join('\n')}
set firewall.hand_port.target=ACCEPT
E
uci commit firewall; fw4 -q reload`);
}

/** Gives its public key; `make` makes the device. */
async function addWireGuard({ guest }: Router, { device, port }: Peer, make: string): Promise<string> {
  return guest.run(`umask 077; wg genkey >/tmp/${device}.key; ${make} || exit
wg set ${device} listen-port ${port} private-key /tmp/${device}.key; wg pubkey </tmp/${device}.key`);
}

async function joinWireGuard({ guest, index }: Router, other: Router, peer: Peer, key: string): Promise<void> {
  const { device, port } = peer;
  const [endpoint, prefix] = [`${wanAddress(other.index)}:${port}`, lanOf(peer, other.index)];
  await guest.run(`set -e
wg set ${device} peer ${key.trim()} endpoint ${endpoint} allowed-ips ${prefix}
ip link set ${device} mtu ${mtu} up; ip route add ${prefix} dev ${device} src ${routerOf(peer, index)}`);
}

async function setUpWireGuard([left, right]: Pair, peer: Peer, make: string): Promise<void> {
  const [leftKey, rightKey] = [await addWireGuard(left, peer, make), await addWireGuard(right, peer, make)];
  await joinWireGuard(left, right, peer, rightKey);
  await joinWireGuard(right, left, peer, leftKey);
}

/** JSON is a part of YAML. */
function nebulaConfig({ index: other }: Router): string {
  const anything = [{ port: 'any', proto: 'any', host: 'any' }];
  return JSON.stringify({
    pki: { ca: '/tmp/nebula/ca.crt', cert: '/tmp/nebula/own.crt', key: '/tmp/nebula/own.key' },
    static_host_map: { [nebulaAddress(other)]: [`${wanAddress(other)}:${nebula.port}`] },
    lighthouse: { am_lighthouse: false },
    listen: { host: '0.0.0.0', port: nebula.port },
    // As the others have it: its own choice, AES, takes a third of its speed where no processor has instructions for it.
    cipher: 'chachapoly',
    tun: {
      ...{ dev: nebula.device, mtu },
      unsafe_routes: [{ route: lanOf(nebula, other), via: nebulaAddress(other) }],
    },
    firewall: { outbound: anything, inbound: anything },
  });
}

async function joinNebula({ guest, name }: Router, other: Router, certificates: string): Promise<void> {
  const files = { 'ca.crt': 'ca.crt', 'own.crt': `${name}.crt`, 'own.key': `${name}.key` };
  for (const [target, file] of Object.entries(files))
    await guest.writeFile(`/tmp/nebula/${target}`, readFileSync(join(certificates, file)), 0o600);
  await guest.writeFile('/tmp/nebula/config.yml', nebulaConfig(other));
  await guest.run(`/tmp/nebula/nebula -config /tmp/nebula/config.yml >/tmp/nebula/log 2>&1 &
for wait in $(seq 50); do [ -e /sys/class/net/${nebula.device} ] && exit; sleep 0.2; done; cat /tmp/nebula/log >&2; exit 1`);
}

/** A CA, and for each router a certificate that lets it speak for the prefix behind it. */
async function setUpNebula([left, right]: Pair, folder: string): Promise<void> {
  const cert = join(folder, 'usr/bin/nebula-cert');
  await run(cert, ['ca', '-name', 'lab'], folder);
  for (const { index, name } of [left, right]) {
    const own = ['-name', name, '-ip', `${nebulaAddress(index)}/24`, '-subnets', lanOf(nebula, index)];
    await run(cert, ['sign', ...own], folder);
  }
  await joinNebula(left, right, folder);
  await joinNebula(right, left, folder);
}

async function putPrograms(pair: Pair, folder: string): Promise<void> {
  const names = ['wireguard-go', 'nebula'];
  await needPackageLists('nebula');
  for (const deb of (await download(names, join(OUT, 'cache'))).values()) await unpack(deb, folder);
  for (const { guest } of pair)
    for (const name of names)
      await guest.writeFile(`/tmp/${name}/${name}`, readFileSync(join(folder, 'usr/bin', name)), 0o755);
}

async function requireAnswer({ guest }: Router, { name, source, target }: Way): Promise<void> {
  const ping = `${within} ping -q -c 1 -W 1 -I ${source} ${target}`;
  const { status, stdout } = await guest.exec(`for try in $(seq 30); do ${ping} && exit; done; exit 1`);
  if (status !== 0) throw new Error(`${name}: wanted an answer of ${target} to ${source}, got none\n${stdout}`);
}

/** The first is rustynet's own. */
export async function setUpWays(mesh: Mesh): Promise<readonly Way[]> {
  const pair = [mesh.router('r1'), mesh.router('r2')] as const;
  const folder = mkdtempSync(join(tmpdir(), 'peers-'));
  try {
    await Promise.all(pair.map(openFirewall));
    await putPrograms(pair, folder);
    await setUpWireGuard(pair, byHand, `ip link add ${byHand.device} type wireguard`);
    const inUserSpace = `/tmp/wireguard-go/wireguard-go ${wireGuardGo.device} >/tmp/wireguard-go/log 2>&1`;
    await setUpWireGuard(pair, wireGuardGo, `modprobe tun && ${inUserSpace}`);
    await setUpNebula(pair, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const own = { name: 'rustynet', device: 'rn0', source: pair[0].hostAddress, target: pair[1].hostAddress };
  const others = peers.map((peer) => ({ ...peer, source: hostOf(peer, 1), target: hostOf(peer, 2) }));
  for (const way of [own, ...others]) await requireAnswer(pair[0], way);
  return [own, ...others];
}
