// `npm run bench [-- --readme] [NAME ...]`: what is measured of speed, memory and flash. In: nothing, or names of benchmarks. Out:
// a line a figure, every raw sample as signed evidence, a page for people, with --readme the table of README.md, and what
// the gate says of the budgets.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { beginTest, closeRecord, endTest, openRecord, record } from '../evidence/recorder.ts';
import { isOpen, withRunner, type Runner } from '../evidence/runner.ts';
import type { Series } from '../evidence/budgets.ts';
import { benchmarkPrefix, title } from '../evidence/gates/performance.ts';
import { lineOf } from '../evidence/series.ts';
import { openEnvelope } from '../../agent/src/trust/dsse.ts';
import { maxEvidenceBytes, parseStatement, payloadType } from '../evidence/statement.ts';
import { OUT } from '../image/build.ts';
import { pageOf, withTable } from './report.ts';
import { writeEvidence } from '../evidence/write.ts';
import { buildLab, type Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { flash } from './flash.ts';
import { fleet } from './fleet.ts';
import { grants } from './grants.ts';
import { growth } from './growth.ts';
import { idle } from './idle.ts';
import { reconnect } from './reconnect.ts';
import { throughput } from './throughput.ts';

type Benchmark = () => Promise<readonly Series[]>;

const inLab =
  (benchmark: (mesh: Mesh) => Promise<readonly Series[]>): Benchmark =>
  async () => {
    const mesh = await formMesh({ routers: ['r1', 'r2'] });
    return benchmark(mesh).finally(() => mesh.stop());
  };

/** Nothing of the lab runs; that it is built records what is measured. */
const onThisMachine =
  (benchmark: Benchmark): Benchmark =>
  async () => {
    await buildLab();
    return benchmark();
  };

const benchmarks: Readonly<Record<string, Benchmark>> = {
  throughput: inLab(throughput),
  growth: inLab(growth),
  grants: inLab(grants),
  reconnect: inLab(reconnect),
  flash: inLab(flash),
  fleet: onThisMachine(fleet),
  idle: inLab(idle),
};

async function measure(name: string, { keyFile, runId }: Runner): Promise<string> {
  const benchmark = benchmarks[name];
  if (benchmark === undefined)
    throw new Error(`bench: wanted names of ${Object.keys(benchmarks).join(' ')}, got ${name}`);
  openRecord(`${benchmarkPrefix}${name}`);
  const series = await benchmark();
  beginTest(title);
  for (const each of series) {
    record({ kind: 'series', ...each });
    console.log(lineOf(each));
  }
  endTest();
  const run = closeRecord();
  const file = run === undefined ? undefined : writeEvidence(run, new Map(), runId, keyFile);
  if (file === undefined) throw new Error(`${name}: wanted evidence, got none`);
  console.log(`raw samples: ${file}`);
  return file;
}

function told(files: readonly string[], isForReadme: boolean): void {
  const statements = files.map((file) =>
    parseStatement(openEnvelope(readFileSync(file), payloadType, maxEvidenceBytes).payload),
  );
  const page = join(OUT, 'bench.html');
  writeFileSync(page, pageOf(statements));
  console.log(`page: ${page}`);
  const readme = join(import.meta.dirname, '../../README.md');
  if (isForReadme) writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), statements));
}

const { values, positionals } = parseArgs({ options: { readme: { type: 'boolean' } }, allowPositionals: true });
process.exitCode = await withRunner(async (runner) => {
  const files: string[] = [];
  for (const name of positionals.length === 0 ? Object.keys(benchmarks) : positionals)
    files.push(await measure(name, runner));
  // Before the table makes the tree another.
  const status = isOpen('performance', runner) ? 0 : 1;
  told(files, values.readme === true);
  return status;
});
