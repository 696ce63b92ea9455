/**
 * Whether the kernel shows what is desired. In: desired and observed. Out: what differs, a line each, wanted and got;
 * nothing means proven. The guard is asked on its own: without it nothing may stay open.
 */
import type { Desired, DesiredPeer } from '../policy/desired.ts';
import type { NftChain, NftTable } from '../wire/nft-json.ts';
import type { WgPeer } from '../wire/wg-dump.ts';
import { grantFindings, setNames } from './elements.ts';
import { expectedFlowtables, expectedProtocolChains, expectedSkeleton, marksOf } from './guard.ts';
import { tunnelMtu } from './mtu.ts';
import { nameFindings } from './names.ts';
import type { Observed } from './observed.ts';
import { protectionFindings } from './protection.ts';
import { routingFindings } from './routing.ts';

export interface Proof {
  /** The drop-by-default table, without regard to what it grants, and what protects while an exit is chosen. */
  readonly guard: readonly string[];
  /** Everything else. */
  readonly rest: readonly string[];
}

function differs(what: string, wanted: unknown, got: unknown): readonly string[] {
  const [left, right] = [JSON.stringify(wanted), JSON.stringify(got)];
  return left === right ? [] : [`${what}: wanted ${left}, got ${right ?? 'none'}`];
}

function sameSet(what: string, wanted: readonly string[], got: readonly string[]): readonly string[] {
  if (wanted.length === got.length && wanted.every((each, at) => each === got[at])) return [];
  return differs(what, [...new Set(wanted)].sort(), [...new Set(got)].sort());
}

function chainFindings(wanted: ReadonlyMap<string, NftChain>, guard: NftTable): readonly string[] {
  return [...wanted].flatMap(([name, chain]) => {
    const got = guard.chains.get(name);
    return [
      ...differs(`hook of chain ${name}`, chain.hook ?? null, got?.hook ?? null),
      ...differs(`rules of chain ${name}`, chain.rules, got?.rules),
    ];
  });
}

/** Protocol chains are held to their content too: a name says which list, only the rules say what passes. */
export function guardFindings(
  desired: Desired,
  { guard, canOffload }: Pick<Observed, 'guard' | 'canOffload'>,
): readonly string[] {
  if (guard === undefined) return ['table inet rustynet: wanted it, got none'];
  const skeleton = expectedSkeleton(desired, canOffload);
  const present = [...expectedProtocolChains(desired)].filter(([name]) => guard.chains.has(name));
  const others = [...guard.chains.keys()].filter((name) => !skeleton.has(name) && !name.startsWith('p_'));
  return [
    ...chainFindings(new Map([...skeleton, ...present]), guard),
    ...sameSet('sets', setNames, [...guard.sets.keys()]),
    ...differs('flowtables', [...expectedFlowtables(canOffload)], [...guard.flowtables]),
    ...others.map((name) => `chain ${name}: wanted none, got one`),
  ];
}

function linkFindings(desired: Desired, observed: Observed): readonly string[] {
  const { link, device } = observed;
  const { interface: name } = desired;
  if (desired.publicKey === undefined) return link === undefined ? [] : [`${name}: wanted no link, got one`];
  if (link === undefined) return [`${name}: wanted a link, got none`];
  return [
    ...differs(`kind of ${name}`, 'wireguard', link.kind),
    ...differs(`${name} up`, true, link.up),
    ...differs(`MTU of ${name}`, tunnelMtu(desired, observed), link.mtu),
    ...sameSet(`addresses of ${name}`, desired.addresses, link.addresses),
    ...sameSet(`routes to ${name}`, desired.routes, link.routes),
    ...differs(`public key of ${name}`, desired.publicKey, device?.publicKey),
    ...differs(`mark of ${name}`, marksOf(desired).tunnel, device?.mark),
    ...differs(`port of ${name}`, desired.listenPort, device?.listenPort),
  ];
}

export function peerFindings(wanted: DesiredPeer, got: WgPeer | undefined): readonly string[] {
  if (got === undefined) return [`peer ${wanted.name}: wanted it, got none`];
  return [
    ...sameSet(`allowed IPs of peer ${wanted.name}`, wanted.allowedIps, got.allowedIps),
    ...differs(`keepalive of peer ${wanted.name}`, wanted.keepaliveS, got.keepaliveS),
  ];
}

export function prove(desired: Desired, observed: Observed): Proof {
  const got = new Map((observed.device?.peers ?? []).map((peer) => [peer.publicKey, peer]));
  const wanted = new Set<string>(desired.peers.map(({ publicKey }) => publicKey));
  const strangers = [...got.keys()].filter((key) => !wanted.has(key));
  const grants = observed.guard === undefined ? [] : grantFindings(desired, observed, observed.guard);
  return {
    guard: [
      ...guardFindings(desired, observed),
      ...protectionFindings(desired, observed),
      ...routingFindings(desired, observed, 'guard'),
    ],
    rest: [
      ...linkFindings(desired, observed),
      ...routingFindings(desired, observed, 'paths'),
      ...strangers.map((key) => `peer ${key}: wanted none, got one`),
      ...desired.peers.flatMap((peer) => peerFindings(peer, got.get(peer.publicKey))),
      ...grants,
      ...nameFindings(desired, observed),
    ],
  };
}
