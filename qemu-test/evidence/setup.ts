// Vitest runs this before each file of the lab. In: the tests of a promise as they begin and end. Out: its evidence.
// The key is the file that RUSTYNET_RUNNER_KEY_FILE names; RUSTYNET_RUN is the run that several promises are of.
import { randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { beginTest, closeRecord, endTest, openRecord } from './recorder.ts';
import { writeEvidence } from './write.ts';

/** A file, as vitest hands it to the hooks of its top. */
interface PromiseFile {
  readonly filepath: string;
  readonly tasks: readonly {
    readonly name: string;
    readonly result?: { readonly errors?: readonly { readonly message: string }[] };
  }[];
}

beforeAll((suite) => {
  const { filepath } = suite as unknown as PromiseFile;
  if (basename(dirname(filepath)) === 'promises') openRecord(basename(filepath, '.test.ts'));
});
beforeEach(({ task }) => beginTest(task.name));
afterEach(endTest);

afterAll((suite) => {
  const run = closeRecord();
  if (run === undefined) return;
  const endings = (suite as unknown as PromiseFile).tasks.map(
    ({ name, result }) => [name, (result?.errors ?? []).map(({ message }) => message)] as const,
  );
  const { RUSTYNET_RUN: runId = randomBytes(16).toString('hex'), RUSTYNET_RUNNER_KEY_FILE: keyFile } = process.env;
  try {
    const file = writeEvidence(run, new Map(endings), runId, keyFile);
    console.warn(file === undefined ? `${run.promise}: no sample, so no evidence` : `evidence: ${file}`);
  } catch (error) {
    // What the promise itself showed stays what it is; a gate misses the evidence.
    console.warn(`${run.promise}: no evidence: ${(error as Error).message}`);
  }
});
