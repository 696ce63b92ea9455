/**
 * maps.json: the maps that the decisions in this folder come after, signed here or taken over. In: the folder. Out: their
 * epochs and digests, the newest of them. It lies beside the decisions, so that a copy of the folder or a clone has both;
 * of two copies that went apart each has an end of its own, which git does not merge unseen.
 */
import { readJson } from '../trust/json.ts';
import { maxVersion } from '../trust/limits.ts';
import { refusing } from '../trust/refuse.ts';
import { integer, list, record, text } from '../trust/shape.ts';
import type { Digest } from '../trust/types.ts';
import { parseDigest } from '../trust/words.ts';
import { prettyJson, type Folder } from './folder.ts';
import { believed } from './refused.ts';

export interface KnownMap {
  readonly epoch: number;
  readonly digest: Digest;
}

const knownMapsFile = 'maps.json';
/** What waits at a broker is one of the last few. */
const maxKnownMaps = 256;
const maxFileBytes = 64 * 1024;
const mapShape = record({ epoch: integer(1, maxVersion), digest: text('a SHA-256, hex', parseDigest) });
const shape = record({ format: integer(1, 1), maps: list(mapShape, 0, maxKnownMaps) });

/** Oldest first. A folder from before this file was may have noted nothing: it knows `last`, the map in signed/. */
export function knownMaps(folder: Folder, last: KnownMap | undefined): readonly KnownMap[] {
  const bytes = folder.read(knownMapsFile);
  const read = bytes === undefined ? [] : refusing(() => shape(readJson(bytes, maxFileBytes), '$').maps);
  const noted = believed(read, knownMapsFile);
  return last === undefined ? noted : withMap(noted, last);
}

function withMap(known: readonly KnownMap[], { epoch, digest }: KnownMap): readonly KnownMap[] {
  return known.some((each) => each.digest === digest) ? known : [...known, { epoch, digest }];
}

/** Before what comes after it is in its place: after a crash in between, the folder knows one that nobody has. */
export function noteMap(folder: Folder, last: KnownMap | undefined, next: KnownMap): void {
  const maps = withMap(knownMaps(folder, last), next).slice(-maxKnownMaps);
  folder.write(knownMapsFile, prettyJson({ format: 1, maps }));
}
