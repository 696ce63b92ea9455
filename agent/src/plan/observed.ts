/** What the kernel shows, as the drivers read it. Absent means absent there, never "not asked". */
import type { HostName } from '../policy/names.ts';
import type { Cidr, Endpoint, Ip } from '../trust/types.ts';
import type { NftTable } from '../wire/nft-json.ts';
import type { WgDevice } from '../wire/wg-dump.ts';
import type { ResolverState } from './names.ts';

export interface Link {
  /** `wireguard`, or what else has taken the name. */
  readonly kind: string;
  readonly up: boolean;
  readonly mtu: number;
  /** Addresses without link-local ones. */
  readonly addresses: readonly string[];
  /** Prefixes routed to the interface, without those the kernel adds for an address. */
  readonly routes: readonly string[];
}

/** A network of netifd's that the router's own choice calls local. */
export interface LocalNetwork {
  readonly name: string;
  readonly device: string;
  readonly prefixes: readonly Cidr[];
}

/** Where the router itself may send in the clear while it is protected: what keeps the tunnel alive. */
export interface Lifeline {
  readonly protocol: 'tcp' | 'udp';
  readonly address: Ip;
  readonly port: number;
}

/** Local port from which names of lifelines are asked: the only clear DNS. */
export const askPort = 53853;

/** Each line is what follows `ip rule add` or `ip route replace`, in the one form that is written as well. */
export interface Routing {
  readonly rules: readonly string[];
  readonly routes: readonly string[];
}
export type Family = 4 | 6;
/** Texts for nft(8) and for ip(8); empty text is no file. */
export interface BootFiles {
  readonly nft: string;
  readonly ip4: string;
  readonly ip6: string;
}
export type Routings = Readonly<Record<Family, Routing>>;

export interface Observed {
  readonly atUnixS: number;
  readonly locals: readonly LocalNetwork[];
  /** Every other prefix that the router is itself connected to, with the name of netifd's interface: uplinks. */
  readonly uplinks: readonly LocalNetwork[];
  /** Devices of these that a default route leaves by, in any table. */
  readonly uplinkDevices: readonly string[];
  readonly lifelines: readonly Lifeline[];
  /** Names of lifelines and endpoints, which the router's own resolver must know while plain DNS is closed. */
  readonly lifelineHosts: readonly HostName[];
  /** DNS servers that the uplinks gave. */
  readonly uplinkResolvers: readonly Ip[];
  /** The MTU of the device that the default route leaves by; `undefined` while there is none. */
  readonly uplinkMtu?: number;
  /** The kernel has flowtables, which take flows past the chains. */
  readonly canOffload: boolean;
  /** The table `inet rustynet`. */
  readonly guard?: NftTable | undefined;
  /** The table `inet rustynet_guard`. */
  readonly protection?: NftTable | undefined;
  /** Rules of our priorities; routes of our table, and unreachable ones of the main table with our metric. */
  readonly routing: Routings;
  readonly bootFiles: BootFiles;
  readonly link?: Link | undefined;
  /** The WireGuard device, if the link is one. */
  readonly device?: WgDevice | undefined;
  /** `address:port` of the endpoints that resolve now. */
  readonly resolved: ReadonlyMap<Endpoint, string>;
  /** OpenWrt's dnsmasq; `undefined` where it was never started. */
  readonly resolver?: ResolverState | undefined;
}

/** What is known of the surroundings before anybody looked. */
export const nothingAround = {
  locals: [],
  uplinks: [],
  uplinkDevices: [],
  lifelines: [],
  lifelineHosts: [],
  uplinkResolvers: [],
  canOffload: false,
  routing: { 4: { rules: [], routes: [] }, 6: { rules: [], routes: [] } },
  bootFiles: { nft: '', ip4: '', ip6: '' },
} as const;
