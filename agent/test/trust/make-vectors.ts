/**
 * Writes agent/test/vectors/trust.json: one accepted or refused document for each check and each attack.
 * Run `npx tsx agent/test/trust/make-vectors.ts` after a format changed; a test holds the file to what this makes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Vector } from './run-vector.ts';
import { auditLogs } from './vectors-of-audit.ts';
import { belief, envelopes, payloads, signers, sizes, tampered } from './vectors-of-maps.ts';
import { agreement, parts } from './vectors-of-parts.ts';
import { joins } from './vectors-of-joins.ts';
import { floorFiles, roots } from './vectors-of-roots.ts';

export const vectorFile = new URL('../vectors/trust.json', import.meta.url);
export function makeVectors(): Vector[] {
  const groups = [
    sizes,
    envelopes,
    tampered,
    signers,
    payloads,
    belief,
    parts,
    agreement,
    roots,
    floorFiles,
    auditLogs,
    joins,
  ];
  return groups.flatMap((group) => group());
}
export function readVectors(): Vector[] {
  return JSON.parse(readFileSync(vectorFile, 'utf8')) as Vector[];
}
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const vectors = makeVectors();
  writeFileSync(vectorFile, `[\n${vectors.map((vector) => JSON.stringify(vector)).join(',\n')}\n]\n`);
  console.warn(`${vectors.length} vectors`);
}
