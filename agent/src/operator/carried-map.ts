/**
 * The file in which a map goes from one signer to the next, by hand, where the root wants several. In: its bytes, the roots
 * that this folder knows, the time. Out: the map with its parts, verified but for the number of its signatures, and the
 * map before it. It brings all of this along: a signer needs nothing but it and a key.
 */
import { decodeBase64, encodeBase64 } from '../trust/base64.ts';
import { openEnvelope, signersOf, type Envelope } from '../trust/dsse.ts';
import { readJson } from '../trust/json.ts';
import { mapType, maxParts } from '../trust/limits.ts';
import { verifyMap } from '../trust/map.ts';
import { completeMap } from '../trust/parts.ts';
import { refusing } from '../trust/refuse.ts';
import { integer, list, record, text } from '../trust/shape.ts';
import type { Digest, IdentityKey, Root, VerifiedMap } from '../trust/types.ts';
import { digestOf, keyIdOf } from '../trust/words.ts';
import { maxRoots, readPast, requireUnedited } from './carried.ts';
import { prettyJson, readNamedFile, type Folder } from './folder.ts';
import { believed } from './refused.ts';
import { floorsAfter, mapFile, newest, partFile, readMapOf, readSignedMap, type SignedRoots } from './signed.ts';

export const mapProposalFile = 'proposed/map.json';
/** Two maps with all their parts, in base64. */
const maxCarriedBytes = 128 * 1024 * 1024;
const base64 = text('standard base64', decodeBase64);
const parts = list(base64, 0, 2 * maxParts);
/** One map before, or none. */
const shape = record({
  format: integer(1, 1),
  roots: list(base64, 1, maxRoots),
  map: base64,
  parts,
  last: list(base64, 0, 1),
});

export interface CarriedMap {
  readonly roots: SignedRoots;
  readonly map: VerifiedMap;
  readonly last: VerifiedMap | undefined;
  readonly envelope: Envelope;
  readonly bytes: Uint8Array;
  readonly parts: ReadonlyMap<Digest, Uint8Array>;
  readonly signers: ReadonlySet<IdentityKey>;
  /** The file again, with another envelope of the same map. */
  readonly withEnvelope: (envelope: Uint8Array) => string;
}

/** For a map on its way: all checks of a router's but how many have signed. */
export function withOneSigner(root: Root): Root {
  return { ...root, map: { ...root.map, threshold: 1 } };
}

export function mapStanding({ map }: Root, signers: ReadonlySet<IdentityKey>) {
  const missing = Math.max(0, map.threshold - signers.size);
  const words =
    missing === 0 ? 'enough have signed: accept, then publish' : `still to sign: ${missing} more of the map keys`;
  return { words, value: { signers: [...signers].map(keyIdOf), missing } };
}

function encode(
  roots: readonly Uint8Array[],
  map: Uint8Array,
  all: readonly Uint8Array[],
  last: readonly Uint8Array[],
) {
  const [rootsText, partsText, lastText] = [roots, all, last].map((each) => each.map((bytes) => encodeBase64(bytes)));
  return prettyJson({ format: 1, roots: rootsText, map: encodeBase64(map), parts: partsText, last: lastText });
}

/** The map before comes from the folder. */
export function encodeCarriedMap(
  folder: Folder,
  roots: SignedRoots,
  map: Uint8Array,
  ofMap: readonly Uint8Array[],
): string {
  const last = readSignedMap(folder, roots);
  const before = (last?.map.parts ?? []).flatMap(({ sha256 }) => folder.read(partFile(sha256)) ?? []);
  const all = new Map([...ofMap, ...before].map((bytes) => [digestOf(bytes), bytes]));
  const envelopes = roots.map(({ envelope }) => envelope);
  return encode(envelopes, map, [...all.values()], last === undefined ? [] : [last.envelope]);
}

export function readCarriedMap(
  path: string,
  known: SignedRoots | undefined,
  own: VerifiedMap | undefined,
  nowUnixS: number,
): CarriedMap {
  const file = readNamedFile(path, 'a map to sign');
  const fields = believed(
    refusing(() => shape(readJson(file, maxCarriedBytes), '$')),
    path,
  );
  const roots = readPast(path, known, fields.roots);
  const { root } = newest(roots);
  const found = new Map(fields.parts.map((bytes) => [digestOf(bytes), bytes]));
  const readPart = (digest: Digest): Uint8Array | undefined => found.get(digest);
  const [before] = fields.last;
  const last =
    own ?? (before === undefined ? undefined : readMapOf(before, readPart, roots, `${mapFile} in ${path}`).map);
  const envelope = believed(
    refusing(() => openEnvelope(fields.map, mapType)),
    path,
  );
  const signers = signersOf(envelope, root.map.keys);
  requireUnedited(path, envelope, signers);
  const manifest = believed(verifyMap(fields.map, withOneSigner(root), floorsAfter(roots, last), nowUnixS), path);
  return {
    ...{ roots, last, envelope, bytes: fields.map, signers },
    map: believed(completeMap(manifest, readPart), path),
    parts: new Map(manifest.parts.flatMap(({ sha256 }) => [[sha256, readPart(sha256) ?? new Uint8Array()]])),
    withEnvelope: (other) => encode(fields.roots, other, fields.parts, fields.last),
  };
}
