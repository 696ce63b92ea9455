/**
 * Peers of the WireGuard device. In: those that are desired, those that the kernel has. Out: those that go, at once or
 * after another has taken their place, those to be met again, and the settings that differ.
 */
import type { Desired, DesiredPeer } from '../policy/desired.ts';
import type { WgPeer } from '../wire/wg-dump.ts';
import type { Observed } from './observed.ts';
import { peerFindings } from './prove.ts';

export interface PeerGreeting {
  readonly publicKey: string;
  readonly keepaliveS: number;
}
export interface PeerSetting extends PeerGreeting {
  readonly allowedIps: readonly string[];
  /** `address:port`; without it the kernel keeps the one it has. */
  readonly endpoint?: string;
}

/** WireGuard's REJECT_AFTER_TIME: a session without a handshake for longer is dead. */
const sessionS = 180;

function keysOf(peers: readonly { readonly publicKey: string }[]): ReadonlySet<string> {
  return new Set(peers.map(({ publicKey }) => publicKey));
}

/**
 * A member under another key: new key to the peer that it was. The new one takes over all its allowed IPs, so that the
 * kernel knows a peer for each packet, and the old one can send nothing from then on.
 */
function renewals({ peers }: Desired, got: readonly WgPeer[]): ReadonlyMap<string, WgPeer> {
  const [wanted, known] = [keysOf(peers), keysOf(got)];
  const leaving = got.filter(({ publicKey, allowedIps }) => !wanted.has(publicKey) && allowedIps.length > 0);
  const coming = peers.filter(({ publicKey }) => !known.has(publicKey));
  return new Map(
    coming.flatMap((peer): [string, WgPeer][] => {
      const old = leaving.find(({ allowedIps }) =>
        allowedIps.every((each) => peer.allowedIps.some((own) => own === each)),
      );
      return old === undefined ? [] : [[peer.publicKey, old]];
    }),
  );
}

/** `replaced` go once their place is taken, the others before anything else comes. */
export function goingPeers(
  desired: Desired,
  got: readonly WgPeer[],
): { readonly publicKeys: readonly string[]; readonly replaced: readonly string[] } {
  const wanted = keysOf(desired.peers);
  const replaced = keysOf([...renewals(desired, got).values()]);
  const going = got.map(({ publicKey }) => publicKey).filter((key) => !wanted.has(key));
  return { publicKeys: going.filter((key) => !replaced.has(key)), replaced: [...replaced] };
}

/** Those that stay, and those under another key. */
export function greetings(
  desired: Desired,
  got: readonly WgPeer[],
): { readonly staying: readonly PeerGreeting[]; readonly renewed: readonly PeerGreeting[] } {
  const [known, renewed] = [keysOf(got), renewals(desired, got)];
  const among = (keys: { has(key: string): boolean }): readonly PeerGreeting[] =>
    desired.peers
      .filter(({ publicKey }) => keys.has(publicKey))
      .map(({ publicKey, keepaliveS }) => ({ publicKey, keepaliveS }));
  return { staying: among(known), renewed: among(renewed) };
}

export function peerSettings(desired: Desired, peers: readonly WgPeer[], observed: Observed): readonly PeerSetting[] {
  const known = new Map(peers.map((peer) => [peer.publicKey, peer]));
  const renewed = renewals(desired, peers);
  return desired.peers.flatMap((peer) => {
    const [got, old] = [known.get(peer.publicKey), renewed.get(peer.publicKey)];
    const endpoint = endpointFor(peer, got ?? old, observed) ?? old?.endpoint;
    if (endpoint === undefined && peerFindings(peer, got).length === 0) return [];
    const { publicKey, allowedIps, keepaliveS } = peer;
    return [{ publicKey, allowedIps, keepaliveS, ...(endpoint === undefined ? {} : { endpoint }) }];
  });
}

/** A live session's endpoint is the kernel's own, which follows a peer that roams; only a dead one is told again. */
function endpointFor(peer: DesiredPeer, got: WgPeer | undefined, observed: Observed): string | undefined {
  const resolved = peer.endpoints.flatMap((endpoint) => observed.resolved.get(endpoint) ?? []);
  const dead = observed.atUnixS - (got?.latestHandshakeUnixS ?? 0) > sessionS;
  const current = got?.endpoint;
  if (current !== undefined && (!dead || resolved.includes(current))) return undefined;
  return resolved[0];
}
