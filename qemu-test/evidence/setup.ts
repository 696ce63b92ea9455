// Vitest runs this before each file of the lab. In: the tests of a promise as they begin and end. Out: its evidence.
// The key is the file that RUSTYNET_RUNNER_KEY_FILE names; RUSTYNET_RUN is the run that several promises are of.
import { randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, type RunnerTask, type RunnerTestCase } from 'vitest';
import { beginTest, closeRecord, endTest, openRecord } from './recorder.ts';
import { writeEvidence } from './write.ts';

const testsIn = (tasks: readonly RunnerTask[]): readonly RunnerTestCase[] =>
  tasks.flatMap((task) => (task.type === 'suite' ? testsIn(task.tasks) : [task]));

beforeAll(({ file: { filepath } }) => {
  if (basename(dirname(filepath)) === 'promises') openRecord(basename(filepath, '.test.ts'));
});
beforeEach(({ task }) => beginTest(task.name));
afterEach(endTest);

afterAll(({ file }) => {
  const run = closeRecord();
  if (run === undefined) return;
  const endings = testsIn(file.tasks).map(
    ({ name, result }) => [name, (result?.errors ?? []).map(({ message }) => message)] as const,
  );
  const { RUSTYNET_RUN: runId = randomBytes(16).toString('hex'), RUSTYNET_RUNNER_KEY_FILE: keyFile } = process.env;
  try {
    const written = writeEvidence(run, new Map(endings), runId, keyFile);
    console.warn(written === undefined ? `${run.promise}: no sample, so no evidence` : `evidence: ${written}`);
  } catch (error) {
    // What the promise itself showed stays what it is; a gate misses the evidence.
    console.warn(`${run.promise}: no evidence: ${(error as Error).message}`);
  }
});
