/**
 * Contents in one file: a line of JSON that says what is in it, a line with the SHA-256 of that, and the contents one
 * after the other. In and out: bytes. What the first line says is there or is a Refusal; each content proves itself when
 * it is read, by its own SHA-256.
 */
import { createHash } from 'node:crypto';
import { maxParts } from '../trust/limits.ts';
import { readJson } from '../trust/json.ts';
import { refuse, refusing } from '../trust/refuse.ts';
import { list, text } from '../trust/shape.ts';
import type { Shape } from '../trust/shape.ts';
import type { Digest, Refusal } from '../trust/types.ts';
import { parseDigest } from '../trust/words.ts';

/** Of the first line and the second: a map has 300 parts at most, and beside them lie a root and a map. */
export const maxHeadBytes = 48 * 1024;

export interface Extent {
  readonly sha256: Digest;
  readonly bytes: number;
}

export interface Place {
  readonly at: number;
  readonly bytes: number;
}

export function digestOf(bytes: Uint8Array): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest;
}

function parseExtent(word: string): Extent | undefined {
  const [, sha256 = '', bytes = ''] = /^([^ ]*) ([0-9]{1,9})$/.exec(word) ?? [];
  const digest = parseDigest(sha256);
  return digest === undefined ? undefined : { sha256: digest, bytes: Number(bytes) };
}

/** The key `held` of a first line. */
export const extents: Shape<readonly Extent[]> = list(
  text('a SHA-256 and a number of bytes', parseExtent),
  0,
  maxParts + 2,
);

export function encodePack(
  about: Readonly<Record<string, string>>,
  blobs: ReadonlyMap<Digest, Uint8Array>,
): Uint8Array {
  const held = [...blobs].map(([sha256, { length }]) => `${sha256} ${length}`);
  const line = JSON.stringify({ ...about, held });
  return Buffer.concat([Buffer.from(`${line}\n${digestOf(Buffer.from(line))}\n`), ...blobs.values()]);
}

/** In: the first `maxHeadBytes` of a file, or all of it when it is shorter. */
export function decodePack<Head extends { readonly held: readonly Extent[] }>(
  bytes: Uint8Array,
  shape: Shape<Head>,
): { readonly head: Head; readonly places: ReadonlyMap<Digest, Place> } | Refusal {
  return refusing(() => {
    const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, maxHeadBytes));
    const end = start.indexOf('\n');
    const line = start.subarray(0, Math.max(end, 0));
    const sum = start.toString('latin1', end + 1, end + 65);
    const got = digestOf(line);
    if (got !== sum) refuse('malformed', `wanted a file with SHA-256 ${sum || 'in its second line'}, got ${got}`);
    const head = shape(readJson(line, maxHeadBytes), 'head');
    let at = end + 66;
    const places = new Map<Digest, Place>();
    for (const { sha256, bytes: length } of head.held) {
      places.set(sha256, { at, bytes: length });
      at += length;
    }
    return { head, places };
  });
}
