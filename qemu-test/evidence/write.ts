// In: a record, and how its tests ended. Out: the evidence on disk: the signed statement, and beside it, in a folder of
// the promise, the captures and logs that it names by digest. Without a runner's key a bare statement, which no gate takes.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUT } from '../image/build.ts';
import type { Run } from './recorder.ts';
import { readRunnerKey, signedBy } from './runner-key.ts';
import {
  encodeStatement,
  maxTextLength,
  predicateType,
  statementType,
  type Predicate,
  type Statement,
} from './statement.ts';
import { machineAtHand, treeAtHand } from './surroundings.ts';

export const evidenceFolder = join(OUT, 'evidence');
export const signedEnding = '.dsse.json';
export const unsignedEnding = '.unsigned.json';
/** In the folder of evidence. */
export const signedName = (tier: string, promise: string): string => `${tier}/${promise}${signedEnding}`;

/** What each test that ran threw, by its name. */
export type Endings = ReadonlyMap<string, readonly string[]>;

function predicateOf(run: Run, endings: Endings, runId: string): Predicate {
  const { promise, startUnixS, commands, samples, subjects } = run;
  if (subjects === undefined) throw new Error(`${promise}: wanted what is under test, got none`);
  return {
    promise,
    ...treeAtHand(),
    tier: subjects.tier,
    run: runId,
    machine: machineAtHand(subjects.guestKernel),
    startUnixS,
    endUnixS: Math.ceil(Date.now() / 1000),
    commands,
    tests: [...samples].map(([test, seen]) => ({
      test,
      thrown: (endings.get(test) ?? []).map((each) => each.slice(0, maxTextLength)),
      samples: seen,
    })),
  };
}

/** Gives the file, or `undefined` for a promise that recorded no sample: it has no evidence. */
export function writeEvidence(
  run: Run,
  endings: Endings,
  runId: string,
  keyFile: string | undefined,
): string | undefined {
  if ([...run.samples.values()].every((seen) => seen.length === 0)) return undefined;
  const predicate = predicateOf(run, endings, runId);
  const statement: Statement = {
    _type: statementType,
    subject: Object.entries(run.subjects?.digests() ?? {}).map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType,
    predicate,
  };
  const folder = join(evidenceFolder, predicate.tier);
  const at = (ending: string): string => join(folder, `${run.promise}${ending}`);
  for (const ending of ['', signedEnding, unsignedEnding]) rmSync(at(ending), { recursive: true, force: true });
  mkdirSync(at(''), { recursive: true });
  for (const [digest, { ending, bytes }] of run.attachments) {
    writeFileSync(join(at(''), `${digest}.${ending}`), bytes);
  }
  const payload = encodeStatement(statement);
  const file = at(keyFile === undefined ? unsignedEnding : signedEnding);
  writeFileSync(file, keyFile === undefined ? payload : signedBy(readRunnerKey(keyFile), payload));
  return file;
}
