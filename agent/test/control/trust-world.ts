/**
 * Everything that owners, publishers, thieves and a broker can put before one router, and what the router then believes.
 * In: documents, by whom they are signed; messages; power cuts. Out: the truth about each document, kept apart from the code
 * that judges it, and a complaint when the router shows what no router may.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Belief } from '../../src/control/belief.ts';
import { Time } from '../../src/control/time.ts';
import { openFlash } from '../../src/drivers/flash.ts';
import { firstFloors } from '../../src/trust/floors.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { topics } from '../../src/trust/topics.ts';
import type { Digest, Floors, RoleKeys, Root } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { failing } from '../drivers/power-cut.ts';
import {
  dayS,
  mapOf,
  network,
  nowUnixS,
  rootOf,
  signedRoot,
  signer,
  type SignedMap,
  type Signer,
} from '../trust/network.ts';
import { encodeMap } from '../../src/trust/map.ts';

export const owners: readonly Signer[] = ['alice', 'bob', 'carol', 'dave'].map((name) => signer(`owner ${name}`));
export const mapSigners: readonly Signer[] = ['one', 'two', 'three', 'four'].map((name) => signer(`maps ${name}`));

export interface MadeRoot {
  readonly kind: 'root';
  readonly root: Root;
  readonly digest: Digest;
  readonly signers: readonly Signer[];
  readonly bytes: Uint8Array;
}
export interface MadeMap {
  readonly kind: 'map';
  readonly signed: SignedMap;
  readonly digest: Digest;
  readonly signers: readonly Signer[];
}
export type Document = MadeRoot | MadeMap;

function reaches(signers: readonly Signer[], { keys, threshold }: RoleKeys): boolean {
  return keys.filter((key) => signers.some((each) => each.key === key)).length >= threshold;
}
const roleText = ({ keys, threshold }: RoleKeys): string => `${threshold} ${[...keys].sort().join()}`;

export class TrustWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'rustynet-model-'));
  readonly documents: Document[] = [];
  readonly first: MadeRoot;
  readonly counts = { commands: 0, roots: 0, maps: 0, cuts: 0, resets: 0, refusals: 0 };
  readonly states = new Set<string>();
  belief: Belief;
  #cut: ReturnType<typeof failing> | undefined;
  /** Since the last boot. */
  #refused = 0;
  #cutAt = Number.POSITIVE_INFINITY;
  /** The roots that were ever on its flash. */
  readonly #line: MadeRoot[];
  /** By the root with which a count began: the newest map that was in force. */
  readonly #seenMap = new Map<MadeRoot, MadeMap>();

  constructor() {
    const root = rootOf({ root: roleOf(owners.slice(0, 3)), map: roleOf(mapSigners.slice(0, 3)) });
    this.first = this.signRoot(root, owners.slice(0, 2));
    this.#line = [this.first];
    const floors = firstFloors({ version: 1, digest: this.first.digest }, nowUnixS - dayS);
    openFlash(this.folder).commit({ floors }, new Map(), []);
    this.belief = this.start();
    this.belief.receive({ topic: topics.root(network, 1), payload: this.first.bytes });
  }

  /** Again from flash, which loses power at the `cutAt`-th operation from here on. */
  start(cutAt = Number.POSITIVE_INFINITY, half = false): Belief {
    this.#cut = failing(cutAt, half);
    this.#cutAt = cutAt;
    const store = openFlash(this.folder, this.#cut.files);
    const stored = store.read();
    if (stored === undefined) throw new Error('wanted floors on flash, got none');
    const time = new Time(
      () => nowUnixS,
      () => 0,
    );
    this.belief = new Belief(network, store, stored.floors, time);
    return this.belief;
  }

  /** Ends at a second of its own, so that no two have the same bytes. */
  signRoot(given: Root, signers: readonly Signer[]): MadeRoot {
    const root = { ...given, expiresUnixS: nowUnixS + 365 * dayS + this.documents.length };
    const bytes = signedRoot(root, signers);
    const made: MadeRoot = { kind: 'root', root, digest: digestOf(encodeRoot(root)), signers, bytes };
    this.documents.push(made);
    return made;
  }

  signMap(epoch: number, rootVersion: number, signers: readonly Signer[]): void {
    const over = { epoch, rootVersion, expiresUnixS: nowUnixS + dayS + this.documents.length };
    const signed = mapOf(over, undefined, signers);
    this.documents.push({ kind: 'map', signed, digest: digestOf(encodeMap(signed.manifest)), signers });
  }

  /** The root that the router walked to, as the documents know it. */
  get root(): MadeRoot {
    return this.#rootOf(this.belief.floors.rootDigest);
  }

  #rootOf(digest: string): MadeRoot {
    const found = this.documents.find((each) => each.kind === 'root' && each.digest === digest);
    if (found?.kind !== 'root') throw new Error(`wanted a root that somebody made, got ${digest}`);
    return found;
  }

  /** A message of the broker, or a restart: a power cut in it is followed by a boot. */
  happen(act: () => void): void {
    this.counts.commands += 1;
    try {
      act();
    } catch (error) {
      if ((this.#cut?.operations() ?? 0) < this.#cutAt) throw error;
    }
    if ((this.#cut?.operations() ?? 0) >= this.#cutAt) {
      this.counts.cuts += 1;
      this.start();
    }
    this.#judge();
  }

  deliver(document: Document, withParts: boolean): void {
    if (document.kind === 'root') {
      this.belief.receive({ topic: topics.root(network, document.root.version), payload: document.bytes });
      return;
    }
    this.belief.receive({ topic: topics.map(network), payload: document.signed.envelope });
    for (const part of withParts ? Object.values(document.signed.parts) : []) {
      this.belief.receive({ topic: topics.part(network, digestOf(part)), payload: part });
    }
  }

  #judge(): void {
    this.belief.wake(() => undefined);
    const onFlash = openFlash(this.folder).read()?.floors;
    if (onFlash === undefined) throw new Error('wanted floors on flash, got none');
    const shown = this.belief.current();
    this.#judgeRoot(this.#rootOf(onFlash.rootDigest));
    if (typeof shown !== 'string') this.#judgeMap(shown.digest);
    this.#judgeFloors(onFlash);
    const inForce = typeof shown === 'string' ? 'none' : `${shown.epoch} ${shown.digest}`;
    this.states.add(`${onFlash.rootDigest} ${onFlash.epoch} ${onFlash.mapDigest ?? ''} ${inForce}`);
    const refused = Object.values(this.belief.refusals.counts).reduce((sum, count) => sum + count);
    this.counts.refusals += Math.max(0, refused - this.#refused);
    this.#refused = refused;
  }

  /** One message is one step at most, signed by enough of both. */
  #judgeRoot(now: MadeRoot): void {
    const before = this.#newest;
    if (now === before) return;
    const { root, signers } = now;
    if (root.version !== before.root.version + 1) {
      throw new Error(`an older root, or one that skips: version ${root.version} after ${before.root.version}`);
    }
    if (!reaches(signers, before.root.root) || !reaches(signers, root.root)) {
      throw new Error(`a root below the threshold: version ${root.version}`);
    }
    this.counts.roots += 1;
    if (roleText(before.root.map) !== roleText(root.map) && this.#seenMap.has(this.#begun)) this.counts.resets += 1;
    this.#line.push(now);
  }

  get #newest(): MadeRoot {
    return this.#line.at(-1) ?? this.first;
  }

  /** The root with which the present count of epochs began. */
  get #begun(): MadeRoot {
    const now = roleText(this.#newest.root.map);
    const other = this.#line.findLastIndex(({ root }) => roleText(root.map) !== now);
    return this.#line[other + 1] ?? this.first;
  }

  #judgeMap(digest: string): void {
    const map = this.documents.find((each) => each.kind === 'map' && each.digest === digest);
    if (map?.kind !== 'map') throw new Error(`wanted a map that somebody made, got ${digest}`);
    const [begun, { epoch, rootVersion }] = [this.#begun, map.signed.manifest];
    if (!reaches(map.signers, this.#newest.root.map)) throw new Error(`a map below the threshold: epoch ${epoch}`);
    if (rootVersion < begun.root.version) throw new Error(`a map from before its keys: root version ${rootVersion}`);
    const before = this.#seenMap.get(begun);
    const beforeEpoch = before?.signed.manifest.epoch ?? 0;
    if (epoch < beforeEpoch) throw new Error(`an older epoch: ${epoch} after ${beforeEpoch}`);
    if (epoch === beforeEpoch && digest !== before?.digest) throw new Error(`two maps of epoch ${epoch}`);
    if (epoch > beforeEpoch) this.counts.maps += 1;
    this.#seenMap.set(begun, map);
  }

  /** What was in force is on flash: a restart without a broker knows it. */
  #judgeFloors({ epoch, mapDigest }: Floors): void {
    const seen = this.#seenMap.get(this.#begun);
    if (seen === undefined) return;
    const { manifest } = seen.signed;
    if (epoch < manifest.epoch) throw new Error(`floors that fell: epoch ${epoch} after ${manifest.epoch}`);
    if (epoch === manifest.epoch && mapDigest !== seen.digest) throw new Error(`floors of another map: ${mapDigest}`);
  }

  end(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Two of them must sign. */
export function roleOf(signers: readonly Signer[]): RoleKeys {
  return { keys: signers.map(({ key }) => key), threshold: Math.min(2, signers.length) };
}
