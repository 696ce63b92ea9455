/**
 * Join requests as they come from a broker, which anybody with a router's login may write to. In: topics and payloads, the
 * folder. Out: those whose proof and signature hold, and of the rest only how many there were and why. What is kept is
 * bounded: in all, and for each invite, because whoever holds one may ask in the name of many routers.
 */
import { isRefusal } from '../trust/refuse.ts';
import type { JoinRequest } from '../trust/join.ts';
import { maxJoinBytes } from '../trust/limits.ts';
import { parseJoinTopic } from '../trust/topics.ts';
import type { InviteId, InviteKey, NetworkId, NodeId, Refusal } from '../trust/types.ts';
import { nodeIdOf } from '../trust/words.ts';
import { verifyJoin } from '../trust/verify-join.ts';
import type { Folder } from './folder.ts';
import { keyOfInvite, nodeOf, readInvite, stateOf } from './invites.ts';

export const maxHeld = 1024;
export const maxHeldOfInvite = 64;
/** Bad proofs of one invite, after which nothing that names it is looked at until the caller says so. */
export const maxBadProofs = 32;

export interface Asked extends JoinRequest {
  readonly topic: string;
  readonly node: NodeId;
}
export type Why = Refusal['refused'] | 'locked' | 'full';

/** The key while the invite lets somebody in, or the router whose way in was cut off. */
export function openKey(folder: Folder, id: InviteId, nowUnixS: number): InviteKey | Refusal {
  const invite = readInvite(folder, id);
  if (invite === undefined) return { refused: 'conflict', detail: `wanted an invite of this folder, got ${id}` };
  const [state, { end }] = [stateOf(invite, nowUnixS), invite];
  const isCutOff = end?.state === 'used' && !end.isAdded;
  if (state !== 'created' && !isCutOff) {
    const by = end?.state === 'used' ? ` by node ${nodeOf(end)}` : '';
    const refused = state === 'expired' ? 'expired' : 'conflict';
    return { refused, detail: `wanted an invite that is open, got ${id} (${invite.name}), ${state}${by}` };
  }
  const none = `wanted the key of invite ${id} in invites/keys, got none: only the computer that made it has it`;
  return keyOfInvite(folder, id) ?? { refused: 'conflict', detail: none };
}

export class Requests {
  readonly #folder: Folder;
  readonly #network: NetworkId;
  readonly #held = new Map<string, Asked>();
  readonly #badProofs = new Map<InviteId, number>();
  readonly #refused = new Map<Why, number>();
  /** The newest of each reason. */
  readonly #details = new Map<Why, string>();

  constructor(folder: Folder, network: NetworkId) {
    this.#folder = folder;
    this.#network = network;
  }

  /** In the order in which they came. */
  get held(): readonly Asked[] {
    return [...this.#held.values()];
  }
  get refused(): ReadonlyMap<Why, number> {
    return this.#refused;
  }
  get details(): ReadonlyMap<Why, string> {
    return this.#details;
  }

  /** No longer held from here on. */
  take(topic: string): Asked | undefined {
    const asked = this.#held.get(topic);
    this.#held.delete(topic);
    return asked;
  }

  /** Forgets what was held and counted, and gives another chance to every invite. */
  clear(): void {
    for (const each of [this.#held, this.#badProofs, this.#refused, this.#details]) each.clear();
  }

  /** Whether it is held; a refusal is counted. */
  offer(topic: string, payload: Uint8Array, nowUnixS: number): boolean {
    const node = parseJoinTopic(this.#network, topic);
    if (node === undefined)
      return this.#refuse('malformed', `wanted a topic of a join request, got ${topic.slice(0, 200)}`);
    // Before anything is parsed, or copied.
    if (payload.length > maxJoinBytes) {
      return this.#refuse('too-large', `wanted at most ${maxJoinBytes} bytes of node ${node}, got ${payload.length}`);
    }
    return this.#judge(topic, node, new Uint8Array(payload), nowUnixS);
  }

  #judge(topic: string, node: NodeId, payload: Uint8Array, nowUnixS: number): boolean {
    let [named, isLocked]: [InviteId | undefined, boolean] = [undefined, false];
    const request = verifyJoin(payload, this.#network, node, (id) => {
      isLocked = (this.#badProofs.get(id) ?? 0) >= maxBadProofs;
      if (isLocked)
        return { refused: 'conflict', detail: `wanted fewer than ${maxBadProofs} bad proofs for ${id}, got them` };
      const key = openKey(this.#folder, id, nowUnixS);
      if (!isRefusal(key)) named = id;
      return key;
    });
    if (!isRefusal(request)) return this.#hold({ ...request, topic, node: nodeIdOf(request.identityKey) });
    if (isLocked) return this.#refuse('locked', request.detail);
    if (named !== undefined) this.#badProofs.set(named, (this.#badProofs.get(named) ?? 0) + 1);
    return this.#refuse(request.refused, request.detail);
  }

  #hold(asked: Asked): boolean {
    const ofInvite = this.held.filter(({ invite, topic }) => invite === asked.invite && topic !== asked.topic).length;
    if (ofInvite >= maxHeldOfInvite || (this.#held.size >= maxHeld && !this.#held.has(asked.topic))) {
      return this.#refuse('full', `wanted at most ${maxHeldOfInvite} requests of an invite, ${maxHeld} in all`);
    }
    this.#held.set(asked.topic, asked);
    return true;
  }

  #refuse(why: Why, detail: string): false {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
    this.#details.set(why, detail);
    return false;
  }
}
