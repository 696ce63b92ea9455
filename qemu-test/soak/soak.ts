// `npm run soak -- --minutes N [--seed S]`: a mesh under full traffic, to which things happen by chance. In: how long, a seed
// (one is drawn and printed if none is given). Out: every look as JSON under qemu-test/out/soak; exit status 0 when nothing
// leaked, no floor fell, no stranger was a peer, and the mesh carried again after every event; else the seed and the events.
import { randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineAtHand, treeAtHand } from '../evidence/surroundings.ts';
import { OUT } from '../image/build.ts';
import { carriesAgain, formExit } from '../topology/exit.ts';
import { leakAtBoot, leakLine, leaksOf, pause, startLeaking } from '../topology/leak.ts';
import type { Mesh } from '../topology/mesh.ts';
import { isTunnelData, watch } from '../topology/witness.ts';
import { chanceOf, draw, type Soaked } from './events.ts';
import { fallen, lookAt, strangers, type Look } from './invariants.ts';

interface Happened {
  readonly atS: number;
  readonly event: string;
}

class Soak {
  readonly #mesh: Mesh;
  readonly #seed: number;
  readonly #startMs = performance.now();
  readonly #seen: ReturnType<typeof watch>;
  readonly #last = new Map<string, Look>();
  readonly looks: Look[] = [];
  readonly happened: Happened[] = [];
  sealed = 0;

  constructor(mesh: Mesh, seed: number) {
    this.#mesh = mesh;
    this.#seed = seed;
    this.#seen = watch(mesh.hub);
  }

  get atS(): number {
    return Math.round((performance.now() - this.#startMs) / 100) / 10;
  }

  #fail(broken: readonly string[]): never {
    const events = this.happened.map(({ atS, event }) => `  ${atS} s  ${event}`);
    throw new Error(`soak of seed ${this.#seed}, at ${this.atS} s:\n${broken.join('\n')}\n${events.join('\n')}`);
  }

  /** What was on the WAN since the last time: only r1 is protected. Kept in memory no longer than that. */
  #wan(): void {
    const packets = this.#seen.packets.splice(0);
    this.sealed += packets.filter((packet) => packet.port === 'r1' && isTunnelData(packet)).length;
    const leaks = leaksOf(packets, 'r1');
    if (leaks.length > 0) this.#fail(leaks.map((packet) => `in the clear: ${leakLine(packet)}`));
  }

  async #members(): Promise<readonly string[]> {
    const listed = JSON.parse(await this.#mesh.operator('member', 'list', '--json')) as {
      members: { wireguard: string }[];
    };
    return listed.members.map(({ wireguard }) => wireguard);
  }

  async look(): Promise<void> {
    this.#wan();
    for (const router of this.#mesh.routers.values()) {
      const now = await lookAt(router, this.atS);
      if (now === undefined) continue;
      this.looks.push(now);
      const broken = [
        ...fallen(this.#last.get(router.name), now),
        ...strangers(now, this.#mesh.signedEpoch(), await this.#members()),
      ];
      this.#last.set(router.name, now);
      if (broken.length > 0) this.#fail(broken);
    }
  }

  /** An event, looks while it goes on, and then the mesh has to carry by itself. */
  async step(soaked: Soaked): Promise<void> {
    const { name, happen } = draw(soaked.chance);
    this.happened.push({ atS: this.atS, event: name });
    console.log(`${this.atS.toFixed(1).padStart(8)} s  ${name}`);
    await happen(soaked);
    await this.look();
    await carriesAgain(this.#mesh, 240_000).catch((error: unknown) => this.#fail([String(error)]));
    await this.look();
    await pause(2 * soaked.chance());
  }
}

function written(seed: number, soak: Soak, startUnixS: number): void {
  const folder = join(OUT, 'soak');
  mkdirSync(folder, { recursive: true });
  const { looks, happened, sealed } = soak;
  const about = { ...treeAtHand(), machine: machineAtHand(), seed, startUnixS, seconds: soak.atS };
  const file = join(folder, `${startUnixS}.json`);
  writeFileSync(file, `${JSON.stringify({ ...about, sealed, happened, looks }, undefined, 1)}\n`);
  console.log(`raw samples: ${file}`);
}

async function run(minutes: number, seed: number): Promise<void> {
  const startUnixS = Math.floor(Date.now() / 1000);
  console.log(`soak of ${minutes} minutes, seed ${seed}`);
  const mesh = await formExit();
  const soak = new Soak(mesh, seed);
  try {
    await leakAtBoot(mesh.router('r1'));
    await startLeaking(mesh.router('r1'));
    await carriesAgain(mesh);
    const soaked = { mesh, chance: chanceOf(seed), ghosts: [] };
    while (soak.atS < minutes * 60) await soak.step(soaked);
    if (soak.sealed === 0) throw new Error('soak: wanted sealed packets of r1, got none');
    console.log(
      `${soak.happened.length} events, ${soak.looks.length} looks: nothing leaked beside ${soak.sealed} sealed packets`,
    );
  } finally {
    written(seed, soak, startUnixS);
    await mesh.stop();
  }
}

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes ?? Number.NaN);
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run soak -- --minutes N [--seed S]');
  process.exit(2);
}
await run(minutes, seed);
