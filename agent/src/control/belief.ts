/**
 * What this router believes. In: messages of the broker, in any order, true or not; the time. Out: the map in force, or
 * why there is none; topics that are wanted next. Before a map or a root counts, it is on flash: verify, write, swap.
 */
import { advanceMap, advanceRoot, advanceTime } from '../trust/floors.ts';
import { verifyMap, type VerifiedManifest } from '../trust/map.ts';
import { completeMap, isKnown, isPart } from '../trust/parts.ts';
import { isRefusal } from '../trust/refuse.ts';
import { verifyNextRoot, verifyPinnedRoot, type VerifiedRoot } from '../trust/root.ts';
import { time } from '../trust/times.ts';
import { parseTopic, topics } from '../trust/topics.ts';
import type { Digest, Floors, NetworkId, PartRef, Refusal, RefusalReason, VerifiedMap } from '../trust/types.ts';
import { digestOf } from '../trust/words.ts';
import { messageOf, type BrokerMessage, type Store } from './ports.ts';
import { Refusals } from './refusals.ts';
import type { ClockSource, Time } from './time.ts';

/** A refusal that time or another document may turn; the envelope is kept for then. */
const curable = new Set<RefusalReason>(['unknown-version', 'not-yet', 'part-missing']);
/** How far the time on flash may lie behind NTP's: flash wears. */
const timeAgeS = 86_400;
const unconfirmed = ', by a clock that NTP has not confirmed';

export class Belief {
  readonly #network: NetworkId;
  readonly #store: Store;
  readonly #time: Time;
  #floors: Floors;
  #root: { readonly document: VerifiedRoot; readonly bytes: Uint8Array } | undefined;
  #inForce: { readonly map: VerifiedMap; readonly bytes: Uint8Array } | undefined;
  #candidate: Uint8Array | undefined;
  #held: Uint8Array | undefined;
  /** The candidate has ended by a clock that nobody vouches for. */
  #hasMaybeEnded = false;
  /** The candidate has ended for sure, which the floors do not say yet. */
  #hasEnded = false;
  /** The newest map that nobody known signed: a broker may send it before the root that knows its keys. */
  #unknown: Uint8Array | undefined;
  #wanted: readonly PartRef[] = [];
  readonly #parts = new Map<Digest, Uint8Array>();
  readonly refusals = new Refusals();
  #why = 'no map has come yet';

  /** Takes what is on flash; throws Fault `STORE_CORRUPT` when that does not verify. */
  constructor(network: NetworkId, store: Store, floors: Floors, time: Time) {
    this.#network = network;
    this.#store = store;
    this.#time = time;
    this.#floors = floors;
    const stored = store.read();
    if (stored?.root !== undefined) this.#receivePinned(stored.root);
    this.#candidate = stored?.map;
    this.#evaluate();
  }

  get floors(): Floors {
    return this.#floors;
  }

  /** A clock that may be wrong ends no map for good: it is not known, then, what time it is. */
  get clock(): ClockSource {
    const source = this.#time.source(this.#floors.timeUnixS);
    if (source !== 'signed') return source;
    const untilUnixS = this.untilUnixS;
    const isOver = untilUnixS > this.#floors.timeUnixS && untilUnixS <= this.nowUnixS;
    return isOver || (this.#inForce === undefined && this.#hasMaybeEnded) ? 'unknown' : source;
  }

  get nowUnixS(): number {
    return this.#time.nowUnixS(this.#floors.timeUnixS);
  }

  /** The map to enforce now, or a person's words why there is none. */
  current(): VerifiedMap | string {
    const [nowUnixS, map] = [this.nowUnixS, this.#inForce?.map];
    if (this.#isBehind) return 'the clock is behind the newest time that is known for sure';
    if (map === undefined) return this.#why;
    const { version, expiresUnixS } = this.#root?.document ?? { version: 0, expiresUnixS: 0 };
    const by = this.clock === 'unknown' ? unconfirmed : '';
    if (expiresUnixS <= nowUnixS) return `root version ${version} expired at ${time(expiresUnixS)}${by}`;
    if (map.expiresUnixS > nowUnixS) return map;
    return `the map of epoch ${map.epoch} expired at ${time(map.expiresUnixS)}${by}`;
  }

  /**
   * Once a run of the loop: what waited for the clock is judged again, and the time is kept. Until flash takes it, only
   * this process knows it.
   */
  wake(log: (line: string) => void): void {
    this.#evaluateHeld();
    if (typeof this.current() !== 'string') this.#time.hold(this.#floors.timeUnixS);
    try {
      this.#keepTime();
    } catch (error) {
      log(`the time could not be written to flash: ${messageOf(error)}`);
    }
  }

  get #isBehind(): boolean {
    return this.#time.source(this.#floors.timeUnixS) === 'unknown';
  }

  /** NTP's time goes to flash when it ends a map, which must stay ended, and else once a day. Nobody else's does. */
  #keepTime(): void {
    if (!this.#time.isConfirmed || this.#root === undefined) return;
    const [nowUnixS, { timeUnixS }] = [this.nowUnixS, this.#floors];
    const endsNow = this.#hasEnded || (this.untilUnixS > timeUnixS && this.untilUnixS <= nowUnixS);
    if (!endsNow && nowUnixS - timeUnixS < timeAgeS) return;
    this.#commit(this.#floors, this.#root.bytes, this.#store.read()?.map, undefined);
    this.#hasEnded = false;
  }

  /** Until when the map in force may be: its own end, or its root's. */
  get untilUnixS(): number {
    return Math.min(this.#inForce?.map.expiresUnixS ?? 0, this.#root?.document.expiresUnixS ?? 0);
  }

  /** Of the map in force. The kernel's seconds begin anywhere within ours: one less, and it never outlives the map. */
  get lifeS(): number {
    return this.untilUnixS - this.nowUnixS - 1;
  }

  /** Exact topics: the map, the next root, the parts that are missing. */
  wantedTopics(): readonly string[] {
    const version = this.#root === undefined ? this.#floors.rootVersion : this.#floors.rootVersion + 1;
    return [
      topics.map(this.#network),
      topics.root(this.#network, version),
      ...this.#wanted.map(({ sha256 }) => topics.part(this.#network, sha256)),
    ];
  }

  /** True when something is to be done: another root, another map in force or reason for none, and no part on its way. */
  receive({ topic, payload }: BrokerMessage): boolean {
    const meaning = parseTopic(this.#network, topic);
    // An empty payload clears a retained message: nothing was said.
    if (meaning === undefined || payload.length === 0) return false;
    const [known, root] = [this.current(), this.#root];
    if (meaning.kind === 'part') this.#receivePart(payload);
    else {
      if (meaning.kind === 'root') this.#receiveRoot(payload);
      else this.#candidate = payload;
      this.#evaluate();
    }
    return this.#root !== root || (this.#wanted.length === 0 && this.current() !== known);
  }

  #refuse(refusal: Refusal): void {
    this.refusals.add(refusal, this.nowUnixS);
  }

  #receivePart(bytes: Uint8Array): void {
    const part = this.#wanted.find((each) => isPart(each, bytes));
    // One that is here already comes again when the map that it completed could not be written to flash.
    if (part === undefined && !this.#parts.has(digestOf(bytes))) return;
    if (part !== undefined) {
      this.#parts.set(part.sha256, bytes);
      this.#wanted = this.#wanted.filter((each) => each !== part);
    }
    if (this.#wanted.length === 0) this.#evaluate();
  }

  #receivePinned(bytes: Uint8Array): void {
    const root = verifyPinnedRoot(bytes, this.#floors.rootDigest, this.#network);
    if (isRefusal(root)) this.#refuse(root);
    else this.#root = { document: root, bytes };
  }

  #receiveRoot(bytes: Uint8Array): void {
    if (this.#root === undefined) {
      this.#receivePinned(bytes);
      if (this.#root !== undefined) this.#commit(this.#floors, bytes, this.#inForce?.bytes, undefined);
      return;
    }
    const next = verifyNextRoot(this.#root.document, bytes);
    if (isRefusal(next)) {
      this.#refuse(next);
      return;
    }
    const floors = advanceRoot(this.#floors, this.#root.document, next);
    // A map that waits for the clock is not in force, and must not be lost for that.
    const map = floors.epoch === 0 ? undefined : (this.#inForce?.bytes ?? this.#store.read()?.map);
    this.#commit(floors, bytes, map, this.#inForce?.map);
    this.#root = { document: next, bytes };
    this.#judgeAgain(`no map holds under root version ${next.version}`);
  }

  /** Under a new root: the map in force must hold as well, and one that nobody known had signed may now. */
  #judgeAgain(why: string): void {
    const [inForce, unknown, held] = [this.#inForce?.bytes, this.#unknown, this.#candidate];
    this.#inForce = undefined;
    this.#why = why;
    for (const bytes of [inForce, unknown, held]) {
      if (bytes === undefined) continue;
      this.#candidate = bytes;
      this.#evaluate();
      // It waits for its parts: what came before it must not take its place.
      if (this.#candidate === bytes) return;
    }
  }

  /** Without the manifest of a map, every part stays. */
  #commit(floors: Floors, root: Uint8Array, map: Uint8Array | undefined, manifest: VerifiedManifest | undefined): void {
    const keep = map === undefined ? [] : manifest?.parts.map(({ sha256 }) => sha256);
    const parts = new Map((keep ?? []).flatMap((digest) => this.#entry(digest)));
    // The time comes along: it costs no write of its own then.
    const kept = this.#time.isConfirmed ? advanceTime(floors, this.nowUnixS) : floors;
    try {
      this.#store.commit({ floors: kept, root, ...(map === undefined ? {} : { map }) }, parts, keep);
      this.#floors = kept;
    } catch (error) {
      // It may have failed when the floors were on flash already.
      this.#floors = this.#store.read()?.floors ?? this.#floors;
      throw error;
    }
  }

  #entry(digest: Digest): [Digest, Uint8Array][] {
    const bytes = this.#parts.get(digest);
    return bytes === undefined ? [] : [[digest, bytes]];
  }

  /** What waited for the clock; a flash that does not take it leaves the router closed, and says so. */
  #evaluateHeld(): void {
    try {
      this.#evaluate();
    } catch (error) {
      this.#inForce = undefined;
      this.#why = `what came could not be written to flash: ${messageOf(error)}`;
    }
  }

  #evaluate(): void {
    const [root, bytes] = [this.#root, this.#candidate];
    if (root === undefined || bytes === undefined || this.#isBehind) return;
    this.#hasMaybeEnded = false;
    const manifest = verifyMap(bytes, root.document, this.#floors, this.nowUnixS);
    if (isRefusal(manifest)) {
      const isNews = this.#isEndNews(manifest, bytes, root.document);
      if (isNews) this.#hasEnded = this.#time.isConfirmed;
      if (isNews && !this.#time.isConfirmed) this.#holdEnded(manifest);
      else this.#settle(manifest);
      return;
    }
    const getPart = (digest: Digest): Uint8Array | undefined => this.#parts.get(digest) ?? this.#store.part(digest);
    const known = this.#inForce?.map;
    const map = completeMap(manifest, getPart, known);
    this.#wanted = manifest.parts.filter((part) => !isKnown(part, known) && getPart(part.sha256) === undefined);
    if (isRefusal(map)) this.#settle(map);
    else this.#adopt(map, bytes, root.bytes);
  }

  /** Whether it has ended by the time now, and not already by the floors. */
  #isEndNews({ refused }: Refusal, bytes: Uint8Array, root: VerifiedRoot): boolean {
    if (refused !== 'expired') return false;
    const byFloors = verifyMap(bytes, root, this.#floors, this.#floors.timeUnixS);
    return !isRefusal(byFloors) || byFloors.refused !== 'expired';
  }

  /** No refusal: a clock a year ahead at boot must not cost the map that is on flash. */
  #holdEnded({ detail }: Refusal): void {
    this.#hasMaybeEnded = true;
    if (this.#inForce === undefined) this.#why = `${detail}${unconfirmed}`;
  }

  #settle(refusal: Refusal): void {
    // A part that is on its way is no refusal; it is asked for, and `wantedTopics` says so.
    // One that is held and asked again counts once.
    const again = this.#held === this.#candidate && this.refusals.last?.refused === refusal.refused;
    if (refusal.refused !== 'part-missing' && !again) this.#refuse(refusal);
    this.#held = this.#candidate;
    if (this.#inForce === undefined) this.#why = `${refusal.refused}: ${refusal.detail}`;
    this.#unknown = refusal.refused === 'too-few-signers' ? this.#candidate : this.#unknown;
    if (refusal.refused !== 'part-missing') this.#wanted = [];
    if (!curable.has(refusal.refused)) this.#candidate = undefined;
  }

  /** The map in force in another envelope, spelled anew or with more signatures, is no news: flash wears. */
  #adopt(map: VerifiedMap, bytes: Uint8Array, root: Uint8Array): void {
    if (this.#inForce?.map.digest !== map.digest) {
      const known = this.#store.read()?.map;
      const floors = advanceMap(this.#floors, map);
      const same = known !== undefined && digestOf(known) === digestOf(bytes) && map.digest === this.#floors.mapDigest;
      if (same) this.#floors = floors;
      else this.#commit(floors, root, bytes, map);
      this.#inForce = { map, bytes };
    }
    this.#candidate = undefined;
    this.#wanted = [];
    this.#parts.clear();
  }
}
