/**
 * A router between a mesh, a LAN and an uplink, in namespaces. In: nothing. Out: the four places, each with its prober.
 * A veth stands for the tunnel: tables and routes know it by its name alone. Behind the uplink and behind the mesh there is
 * one public address each, so that where an answer comes from says which way the packet went.
 */
import type { Observed } from '../../src/plan/observed.ts';
import { nothingAround } from '../../src/plan/observed.ts';
import type { Cidr, Ip, Label, Member } from '../../src/trust/types.ts';
import { content, laptop, memberOf, office } from '../trust/network.ts';
import { createNamespace, type Namespace } from './netns.ts';
import { startProber, type Prober } from './prober.ts';

/** The router; it has the role of an exit, and a LAN. */
export const vps = memberOf('vps', '10.77.0.4', {
  roles: ['exit', 'subnet-router'],
  subnets: ['192.168.4.0/24' as Cidr],
  tags: ['far' as Label],
});
/** Another exit, in the mesh. */
export const hub = memberOf('hub', '10.77.0.5', { roles: ['exit'] });
export const members: readonly Member[] = [...content.members, vps, hub];

const six = ({ addresses }: Member): string => addresses[1] ?? '';
export const at = {
  router: '10.77.0.4',
  router6: six(vps),
  laptop: '10.77.0.3',
  laptop6: six(laptop),
  office: '10.77.0.2',
  office6: six(office),
  /** In the LAN that the map knows, and in one that it does not. */
  host: '192.168.4.7',
  /** Of that LAN, and not there: strangers send in its name. */
  absent: '192.168.4.8',
  guest: '192.168.44.7',
  host6: '2001:db8:4::7',
  /** Public, and reached by the LAN's device. */
  lanPublic: '198.51.100.77',
  uplink: '203.0.113.2',
  uplink6: '2001:db8:ff::2',
  public: '198.51.100.9',
  public6: '2001:db8:99::9',
  behindHub: '198.51.100.5',
  behindHub6: '2001:db8:55::5',
  /** Private, and reached by the uplink. */
  wanPrivate: '192.168.50.1',
  wanPrivate6: 'fd50::1',
} as const;

export const around: Pick<Observed, 'locals' | 'uplinkDevices' | 'lifelines' | 'uplinkResolvers'> = {
  locals: [
    { name: 'lan', device: 'lan0', prefixes: ['192.168.4.0/24', '192.168.44.0/24', '2001:db8:4::/64'] as Cidr[] },
  ],
  uplinkDevices: ['wan0'],
  lifelines: [
    { protocol: 'tcp', address: at.public as Ip, port: 8883 },
    { protocol: 'tcp', address: at.public6 as Ip, port: 8883 },
  ],
  uplinkResolvers: [at.public, at.public6] as Ip[],
};
export const observedAround: Observed = { atUnixS: 0, ...nothingAround, ...around, resolved: new Map() };

export type Place = 'router' | 'mesh' | 'lan' | 'wan';
export interface RouterWorld {
  readonly spaces: Readonly<Record<Place, Namespace>>;
  readonly probers: Readonly<Record<Place, Prober>>;
  remove(): Promise<void>;
}

function wire(spaces: RouterWorld['spaces']): void {
  const { router, mesh, lan, wan } = spaces;
  const on = (device: string, addresses: readonly string[]): string =>
    `${addresses.map((each) => `ip addr add ${each} dev ${device}${each.includes(':') ? ' nodad' : ''}`).join('; ')}; ip link set ${device} up`;
  for (const space of Object.values(spaces)) {
    space.run('ip link set lo up; for all in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$all; done');
  }
  router.run('echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding');
  for (const [device, far, space] of [
    ['rn0', 'mesh0', mesh],
    ['lan0', 'eth0', lan],
    ['wan0', 'eth0', wan],
  ] as const) {
    router.run(`ip link add ${device} type veth peer name ${far} netns ${space.name}`);
  }
  // WireGuard has no neighbours to ask for: packets go as they are.
  for (const [space, device] of [
    [router, 'rn0'],
    [mesh, 'mesh0'],
  ] as const) {
    space.run(`ip link set ${device} address 02:00:00:00:00:01 arp off`);
  }
  router.run(on('rn0', [`${at.router}/16`, `${at.router6}/48`]));
  router.run(on('lan0', ['192.168.4.1/24', '192.168.44.1/24', '2001:db8:4::1/64']));
  router.run(on('wan0', [`${at.uplink}/24`, `${at.uplink6}/64`]));
  mesh.run(on('mesh0', [`${at.laptop}/16`, `${at.office}/16`, `${at.laptop6}/48`, `${at.office6}/48`]));
  mesh.run(on('mesh0', [`${at.behindHub}/32`, `${at.behindHub6}/128`]));
  lan.run(on('eth0', [`${at.host}/24`, `${at.guest}/24`, `${at.host6}/64`, `${at.lanPublic}/32`]));
  wan.run(on('eth0', ['203.0.113.1/24', '2001:db8:ff::1/64', `${at.public}/32`, `${at.public6}/128`]));
  wan.run(on('eth0', [`${at.wanPrivate}/24`, `${at.wanPrivate6}/64`, `${at.absent}/32`, `${at.router6}/128`]));
  // Everybody knows a way back to everybody: what is not answered was stopped, not lost.
  mesh.run(`ip route add default via ${at.router}; ip -6 route add default via ${at.router6}`);
  lan.run('ip route add default via 192.168.4.1; ip -6 route add default via 2001:db8:4::1');
  wan.run(`ip route add default via ${at.uplink}; ip -6 route add default via ${at.uplink6}`);
  router.run(`ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:ff::1`);
  router.run(`ip route add ${at.behindHub} dev rn0; ip -6 route add ${at.behindHub6} dev rn0`);
  router.run(`ip route add ${at.lanPublic} dev lan0`);
}

export async function createRouterWorld(): Promise<RouterWorld> {
  const label = (place: Place): Namespace => createNamespace(`${place}${String(process.hrtime.bigint() % 10000n)}`);
  const spaces = { router: label('router'), mesh: label('mesh'), lan: label('lan'), wan: label('wan') };
  wire(spaces);
  const [router, mesh, lan, wan] = await Promise.all([
    startProber(spaces.router, [at.router, at.router6]),
    startProber(spaces.mesh, [at.laptop, at.office, at.laptop6, at.office6, at.behindHub, at.behindHub6]),
    startProber(spaces.lan, [at.host, at.guest, at.host6, at.lanPublic]),
    startProber(spaces.wan, [at.public, at.public6, at.wanPrivate, at.wanPrivate6, '203.0.113.1']),
  ]);
  const probers = { router, mesh, lan, wan };
  return {
    spaces,
    probers,
    remove: async () => {
      await Promise.all(Object.values(probers).map((each) => each.end()));
      for (const space of Object.values(spaces)) space.remove();
    },
  };
}
