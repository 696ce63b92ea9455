/**
 * The folder signed/: what routers get, byte for byte. In: the folder. Out: roots and the last map, verified by the trust
 * room from the pin in network.json on, as a router would. Files under signed/ are not believed for lying there.
 */
import { openEnvelope } from '../trust/dsse.ts';
import { advanceRoot, firstFloors } from '../trust/floors.ts';
import { readJson, type JsonValue } from '../trust/json.ts';
import { mapType, maxEnvelopeBytes } from '../trust/limits.ts';
import { verifyMap, type VerifiedManifest } from '../trust/map.ts';
import { completeMap } from '../trust/parts.ts';
import { isRefusal, refusing } from '../trust/refuse.ts';
import { verifyNextRoot, verifyPinnedRoot, type VerifiedRoot } from '../trust/root.ts';
import { integer, type Shape } from '../trust/shape.ts';
import type { Digest, Floors, Refusal, VerifiedMap } from '../trust/types.ts';
import { parseDigest } from '../trust/words.ts';
import type { Folder } from './folder.ts';
import { believed, fail } from './refused.ts';
import type { Settings } from './settings.ts';

export const mapFile = 'signed/map.json';
const partsFolder = 'signed/parts';
export function rootFile(version: number): string {
  return `signed/root/${version}.json`;
}
export function partFile(digest: Digest): string {
  return `${partsFolder}/${digest}`;
}

export interface SignedRoot {
  readonly root: VerifiedRoot;
  readonly envelope: Uint8Array;
}

/** Root version 1 and all that follow it, oldest first. */
export type SignedRoots = readonly [SignedRoot, ...SignedRoot[]];

/** Root version 1 as this folder knows it. */
export type Pin = Pick<Settings, 'rootDigest' | 'network'>;

export function readRoots(folder: Folder, { rootDigest, network }: Pin): SignedRoots {
  const envelope =
    folder.read(rootFile(1)) ?? fail('no-root', `wanted ${folder.pathOf(rootFile(1))}, got no such file`);
  const first = { root: believed(verifyPinnedRoot(envelope, rootDigest, network), rootFile(1)), envelope };
  return walk(first, (version) => folder.read(rootFile(version)), rootFile);
}

/** From a root that is believed to the newest that follows it. `nameOf` is for messages. */
export function walk(
  first: SignedRoot,
  read: (version: number) => Uint8Array | undefined,
  nameOf: (version: number) => string,
): SignedRoots {
  const roots: [SignedRoot, ...SignedRoot[]] = [first];
  for (;;) {
    const { root: current } = newest(roots);
    const version = current.version + 1;
    const envelope = read(version);
    if (envelope === undefined) return roots;
    roots.push({ root: believed(verifyNextRoot(current, envelope), nameOf(version)), envelope });
  }
}

/** Also where an owner has nothing but keys: no other past can be shown to them later. */
export function keepRoots(folder: Folder, roots: SignedRoots): void {
  for (const { root, envelope } of roots) {
    if (!folder.has(rootFile(root.version))) folder.writeNew(rootFile(root.version), envelope);
  }
}

export function newest(roots: SignedRoots): SignedRoot {
  return roots.at(-1) ?? roots[0];
}

/** The floors of a router that pinned the oldest of these roots, walked to the newest and has seen no map since. */
export function walkedFloors([first, ...rest]: SignedRoots): Floors {
  let [floors, current] = [firstFloors(first.root, 0), first.root];
  for (const { root } of rest) [floors, current] = [advanceRoot(floors, current, root), root];
  return floors;
}

/** What the next map must not fall below: an operator's epochs rise, also where a new key would let them begin again. */
export function floorsAfter(roots: SignedRoots, last: VerifiedMap | undefined): Floors {
  const floors = walkedFloors(roots);
  return last === undefined
    ? floors
    : { ...floors, epoch: last.epoch, mapDigest: last.digest, timeUnixS: last.issuedUnixS };
}

export interface SignedMap {
  readonly map: VerifiedMap;
  readonly envelope: Uint8Array;
  /** A later root replaced the keys that signed it: routers that walked there refuse it. */
  readonly retired: boolean;
}
/** The same without its parts. */
export interface JudgedMap extends Pick<SignedMap, 'retired'> {
  readonly manifest: VerifiedManifest;
}

export type PartReader = (digest: Digest) => Uint8Array | undefined;

function complete(readPart: PartReader, manifest: VerifiedManifest | Refusal, name: string): VerifiedMap {
  return believed(completeMap(believed(manifest, name), readPart), name);
}

function partsIn(folder: Folder): PartReader {
  return (digest) => folder.read(partFile(digest));
}

export function readSignedMap(folder: Folder, roots: SignedRoots): SignedMap | undefined {
  const envelope = folder.read(mapFile);
  return envelope === undefined ? undefined : readMapOf(envelope, partsIn(folder), roots, mapFile);
}

export function readMapOf(envelope: Uint8Array, readPart: PartReader, roots: SignedRoots, name: string): SignedMap {
  const { manifest, retired } = believed(judgeMap(envelope, roots), name);
  return { map: complete(readPart, manifest, name), envelope, retired };
}

/**
 * A map that was signed, as of when it was issued, so that an expired one can be read, and under the newest root under
 * which it holds, so that one of retired keys can.
 */
export function judgeMap(envelope: Uint8Array, roots: SignedRoots): JudgedMap | Refusal {
  const atUnixS = issuedIn(envelope);
  if (isRefusal(atUnixS)) return atUnixS;
  const [first, ...rest] = roots;
  const walks = [...roots.keys()].map((steps): SignedRoots => [first, ...rest.slice(0, steps)]).reverse();
  const judged = walks.map((walk) => verifyMap(envelope, newest(walk).root, walkedFloors(walk), atUnixS));
  const under = judged.findIndex((manifest) => !isRefusal(manifest));
  const manifest = judged[Math.max(0, under)] ?? fail('no-root', 'wanted a root, got none');
  return isRefusal(manifest) ? manifest : { manifest, retired: under > 0 };
}

/** The last signed map as a router believes it now that pinned root version 1 and walked to the newest. */
export function neededSignedMap(folder: Folder, roots: SignedRoots, nowUnixS: number): SignedMap {
  const last = readSignedMap(folder, roots) ?? fail('not-signed', `wanted ${mapFile}, got none: run sign first`);
  const { root } = newest(roots);
  if (last.retired) {
    const got = `got one of keys that it replaced: run sign first`;
    fail('not-signed', `${mapFile}: wanted a map of the map keys of root version ${root.version}, ${got}`);
  }
  return {
    ...last,
    map: complete(partsIn(folder), verifyMap(last.envelope, root, walkedFloors(roots), nowUnixS), mapFile),
  };
}

const time: Shape<number> = integer(0, Number.MAX_SAFE_INTEGER);

/** When a map says that it was issued: only good for reading it back as of then. */
function issuedIn(envelope: Uint8Array): number | Refusal {
  return refusing(() => {
    const fields = readJson(openEnvelope(envelope, mapType).payload, maxEnvelopeBytes);
    const value: JsonValue | undefined = fields instanceof Map ? (fields.get('issued') as JsonValue) : undefined;
    return time(value ?? '', '$.issued');
  });
}

/** New parts, then the map that names them, then old parts go: at each moment the map there is whole. */
export function writeSignedMap(folder: Folder, envelope: Uint8Array, parts: ReadonlyMap<Digest, Uint8Array>): void {
  for (const [digest, bytes] of parts) {
    if (!folder.has(partFile(digest))) folder.write(partFile(digest), bytes);
  }
  folder.write(mapFile, envelope);
  for (const name of folder.list(partsFolder)) {
    const digest = parseDigest(name);
    if (digest !== undefined && !parts.has(digest)) folder.remove(partFile(digest));
  }
}
