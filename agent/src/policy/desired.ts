/**
 * What this router must enforce. Compiled from a verified map; the closed form has a guard and nothing else.
 */
import type { Cidr, Endpoint, Ip, Label, NodeId, Protocol, WireGuardKey } from '../trust/types.ts';
import { hiddenNames, type DesiredNames } from './names.ts';

/** Choices of the router itself, out of its UCI; they narrow what the map grants and never widen it. */
export interface Choices {
  readonly interface: string;
  readonly listenPort: number;
  /** `auto`: what the uplink carries, less what WireGuard adds. */
  readonly mtu: number | 'auto';
  /** How long the mesh stays open when nobody renews it, 30 to 600. */
  readonly leaseS: number;
  /** One bit of the packet mark, which granted packets carry; the two bits below it are ours too. */
  readonly mark: number;
  /** Which member carries this router's internet: none, the only one that the policy allows, or the one named. */
  readonly exit: 'off' | 'full' | Label;
  /** Whether the LAN behind the chosen exit is reachable, where the policy grants it. */
  readonly exitLan: boolean;
  /** Whether this router carries the internet of others, where the map gives it the role. */
  readonly offersExit: boolean;
  /** Prefixes behind this router that the mesh may reach, where the map has them as its subnets. */
  readonly announced: readonly Cidr[];
  /** Names of netifd's interfaces whose traffic belongs behind the guard: the LANs. */
  readonly localNetworks: readonly string[];
}

export interface DesiredPeer {
  /** `undefined`: one that no map names. */
  readonly id?: NodeId;
  readonly name: Label;
  readonly publicKey: WireGuardKey;
  /** Prefixes, sorted. */
  readonly allowedIps: readonly Cidr[];
  readonly endpoints: readonly Endpoint[];
  /** 0 is off. */
  readonly keepaliveS: number;
}

/** From these addresses to those, for connections that begin there, by these protocols; boxes do not overlap. */
export interface Grant {
  readonly family: 4 | 6;
  /** `first-last` or one address, as nft writes them. */
  readonly from: string;
  readonly to: string;
  /** Sorted; `any` stands alone. */
  readonly protocols: readonly Protocol[];
}

/** From these addresses to the internet, or all of it from here, by these protocols; ranges do not overlap. */
export interface ExitGrant {
  readonly family: 4 | 6;
  /** `first-last` or one address. */
  readonly from: string;
  readonly protocols: readonly Protocol[];
}

export interface Desired extends Choices {
  /** The own WireGuard key as the map has it; `undefined` when closed. */
  readonly publicKey?: WireGuardKey;
  readonly addresses: readonly Ip[];
  readonly routes: readonly Cidr[];
  readonly peers: readonly DesiredPeer[];
  readonly grants: readonly Grant[];
  /** What this router and its LANs may send through its exit. */
  readonly uses: readonly ExitGrant[];
  /** Whom it carries to the internet. */
  readonly carries: readonly ExitGrant[];
  /** Its own mesh addresses and the subnets that are both granted and announced: what others know it by. */
  readonly own: readonly (Cidr | Ip)[];
  /** Prefixes of the mesh, which never leave in the clear; `undefined`: what the kernel has of them stays. */
  readonly meshPrefixes?: readonly Cidr[];
  /** What the choices ask for and the map does not give. */
  readonly notes: readonly string[];
  /** Whether an exit is chosen is not known, for no settings could be read yet: what protects one stays as it is. */
  readonly keepsExit?: boolean;
  /** `undefined` when no map was ever in force: then no zone is known. */
  readonly names?: DesiredNames;
}

/** `names` are those of the map that was in force. */
export function closedDesired(choices: Choices, names?: DesiredNames): Desired {
  const none = { addresses: [], routes: [], peers: [], grants: [], uses: [], carries: [], own: [], notes: [] };
  const {
    interface: name,
    listenPort,
    mtu,
    leaseS,
    mark,
    exit,
    exitLan,
    offersExit,
    announced,
    localNetworks,
  } = choices;
  const own = { interface: name, listenPort, mtu, leaseS, mark, exit, exitLan, offersExit, announced, localNetworks };
  const closed = { ...own, ...none };
  return names === undefined ? closed : { ...closed, names: hiddenNames(names, choices) };
}
