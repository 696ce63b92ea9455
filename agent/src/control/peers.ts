/**
 * What the agent says of its peers: the answer of `ubus call rustynet peers`. In: the peers that are desired, those that
 * the kernel has, the clock. Out: a page of rows, searched and sorted, each with its link and why: as far as WireGuard
 * lets this side know, which is handshakes (a new one each 120 s while there is traffic, none after 180 s).
 */
import type { Judgement } from '../plan/judge.ts';
import type { DesiredPeer } from '../policy/desired.ts';
import type { WgDevice, WgPeer } from '../wire/wg-dump.ts';
import { pageOf } from './page.ts';
import type { JsonObject } from './ports.ts';

/** REJECT_AFTER_TIME of WireGuard's paper, section 6.1: an older session carries nothing. */
const sessionS = 180;

/** `quiet`: nothing was sent, or nothing was answered; WireGuard does not tell which. */
export type Link = 'up' | 'quiet' | 'down' | 'unknown';

interface Seen {
  readonly link: Link;
  readonly why: string;
}

export interface PeersAt {
  readonly judgement: Judgement;
  readonly nowUnixS: number;
}

function linkOf(
  { keepaliveS, endpoints }: DesiredPeer,
  got: WgPeer | undefined,
  { judgement, nowUnixS }: PeersAt,
): Seen {
  if (got === undefined) return { link: 'down', why: `not in the kernel: ${judgement.state}: ${judgement.why}` };
  const { latestHandshakeUnixS: handshake, endpoint } = got;
  if (handshake === 0 && endpoint === undefined) {
    const wanted = endpoints.length === 0 ? 'the map names no endpoint' : 'its endpoint did not resolve';
    return { link: 'down', why: `${wanted}: it must call this router first` };
  }
  if (handshake === 0) {
    const sent = got.sentBytes > 0;
    if (!sent) return { link: 'quiet', why: 'nothing was sent to it yet' };
    return {
      link: 'down',
      why: `it never answered at ${endpoint ?? ''}: off, behind a firewall, or its clock or key differs`,
    };
  }
  const ageS = nowUnixS - handshake;
  if (ageS < -1) return { link: 'unknown', why: 'its last handshake lies in the future: the clock was set back' };
  if (ageS <= sessionS) return { link: 'up', why: 'a handshake within 3 minutes' };
  if (keepaliveS > 0) return { link: 'down', why: `it does not answer, though it is called each ${keepaliveS} s` };
  return { link: 'quiet', why: 'no handshake for 3 minutes: nothing was sent, or it does not answer' };
}

function rowOf(peer: DesiredPeer, got: WgPeer | undefined, at: PeersAt): JsonObject {
  return {
    name: peer.name,
    node: peer.id ?? null,
    wireguard_key: peer.publicKey,
    allowed_ips: peer.allowedIps,
    present: got !== undefined,
    endpoint: got?.endpoint ?? null,
    latest_handshake: got?.latestHandshakeUnixS ?? 0,
    received_bytes: got?.receivedBytes ?? 0,
    sent_bytes: got?.sentBytes ?? 0,
    ...linkOf(peer, got, at),
  };
}

function holds(row: JsonObject, words: string): boolean {
  const values = [row['name'], row['node'], row['endpoint'], row['link'], ...(row['allowed_ips'] as readonly string[])];
  return values.some((value) => typeof value === 'string' && value.toLowerCase().includes(words));
}

const traffic = (row: JsonObject): number => Number(row['received_bytes']) + Number(row['sent_bytes']);
const worst: readonly unknown[] = ['down', 'unknown', 'quiet', 'up'];
const orders: Readonly<Record<string, (a: JsonObject, b: JsonObject) => number>> = {
  name: () => 0,
  link: (a, b) => worst.indexOf(a['link']) - worst.indexOf(b['link']),
  handshake: (a, b) => Number(b['latest_handshake']) - Number(a['latest_handshake']),
  traffic: (a, b) => traffic(b) - traffic(a),
};

/** Of the same rank the name decides, so that pages do not overlap. */
function sorted(rows: readonly JsonObject[], by: unknown): readonly JsonObject[] {
  const order = typeof by === 'string' && Object.hasOwn(orders, by) ? orders[by] : undefined;
  const names = (a: JsonObject, b: JsonObject): number => (String(a['name']) < String(b['name']) ? -1 : 1);
  return [...rows].sort((a, b) => order?.(a, b) || names(a, b));
}

/** `ubus call rustynet peers`: `find`, `sort`, `offset`, `limit`, each of which can be left out. */
export function peersReport(
  peers: readonly DesiredPeer[],
  device: WgDevice | undefined,
  at: PeersAt,
  { find, sort, offset, limit }: JsonObject = {},
): JsonObject {
  const known = new Map((device?.peers ?? []).map((peer) => [peer.publicKey, peer]));
  const rows = peers.map((peer) => rowOf(peer, known.get(peer.publicKey), at));
  const words = typeof find === 'string' ? find.trim().toLowerCase() : '';
  const found = sorted(
    rows.filter((row) => words === '' || holds(row, words)),
    sort,
  );
  const { rows: page, next } = pageOf(found, offset, limit);
  return { peers: page, total: rows.length, found: found.length, ...(next === undefined ? {} : { next }) };
}
