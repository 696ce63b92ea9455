// `npm run bench`: what the lab measures of speed and memory. In: nothing, or names of benchmarks. Out: a table for people,
// and every raw sample with the machine, the tier and the commit, as JSON under qemu-test/out/bench. It judges nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineAtHand, treeAtHand } from '../evidence/surroundings.ts';
import { buildRouterImage } from '../image/openwrt.ts';
import { OUT } from '../image/build.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { growth } from './growth.ts';
import { lineOf, type Series } from './series.ts';
import { throughput } from './throughput.ts';

const sizes = [10, 100, 1000];

async function grows(mesh: Mesh): Promise<readonly Series[]> {
  const all: Series[] = [];
  for (const members of sizes) all.push(...(await growth(mesh, members)));
  return all;
}

const benchmarks: Readonly<Record<string, (mesh: Mesh) => Promise<readonly Series[]>>> = { throughput, growth: grows };

async function measure(name: string): Promise<readonly Series[]> {
  const benchmark = benchmarks[name];
  if (benchmark === undefined)
    throw new Error(`bench: wanted names of ${Object.keys(benchmarks).join(' ')}, got ${name}`);
  const mesh = await formMesh({ routers: ['r1', 'r2'] });
  try {
    return await benchmark(mesh);
  } finally {
    await mesh.stop();
  }
}

async function run(names: readonly string[]): Promise<void> {
  const startUnixS = Math.floor(Date.now() / 1000);
  const { tier, kernelVersion } = await buildRouterImage();
  const about = { ...treeAtHand(), tier, machine: { ...machineAtHand(), guestKernel: kernelVersion }, startUnixS };
  const folder = join(OUT, 'bench', tier);
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    const series = await measure(name);
    for (const each of series) console.log(lineOf(each));
    const file = join(folder, `${name}.json`);
    writeFileSync(
      file,
      `${JSON.stringify({ benchmark: name, ...about, endUnixS: Math.ceil(Date.now() / 1000), series }, undefined, 1)}\n`,
    );
    console.log(`raw samples: ${file}`);
  }
}

const named = process.argv.slice(2);
await run(named.length === 0 ? Object.keys(benchmarks) : named);
