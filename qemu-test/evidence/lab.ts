// `npm run lab [-- FILTER]`: all promises in one run, then the gates that are held to it. In: a runner. Out: evidence under
// qemu-test/out/evidence, exit status 0 if all hold.
import { rmSync } from 'node:fs';
import { isOpen, runs, withRunner, type Runner } from './runner.ts';
import { evidenceFolder } from './write.ts';

const held = ['dataplane', 'membership', 'leak'];

function lab(runner: Runner): boolean {
  rmSync(evidenceFolder, { recursive: true, force: true });
  const run = { RUSTYNET_RUNNER_KEY_FILE: runner.keyFile, RUSTYNET_RUN: runner.runId };
  const filters = process.argv.slice(2);
  const few = filters.length === 0 ? [] : ['--passWithNoTests', ...filters];
  const all = ['host', 'lab', 'timed'].map((name) => runs('vitest', ['run', '--project', name, ...few], run));
  return all.every(Boolean) && held.map((name) => isOpen(name, runner)).every(Boolean);
}

process.exitCode = (await withRunner(lab)) ? 0 : 1;
