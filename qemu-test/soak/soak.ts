// `npm run soak -- --minutes N [--seed S]`: a mesh under full traffic, to which things happen by chance. In: how long, a seed
// (one is drawn and printed if none is given). Out: every look, every frame that was not sealed, and when the mesh carried
// again after each event, as signed evidence; exit status 0 if the gate opens for it. It stops at the first thing that does
// not hold, with the seed and the events.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { title } from '../evidence/gates/soak.ts';
import { attach, beginTest, closeRecord, endTest, openRecord, record } from '../evidence/recorder.ts';
import { isOpen, withRunner, type Runner } from '../evidence/runner.ts';
import type { SampleOf } from '../evidence/statement.ts';
import { writeEvidence } from '../evidence/write.ts';
import { carriesAgain, formExit } from '../topology/exit.ts';
import { leakAtBoot, leakLine, leaksOf, pause, startLeaking } from '../topology/leak.ts';
import type { Mesh } from '../topology/mesh.ts';
import { isTunnelData, pcapOf, watch, type WanPacket } from '../topology/witness.ts';
import { chanceOf, draw, type Soaked } from './events.ts';
import { fallen, strangers } from './invariants.ts';
import { ask, encodeLooks, signedIn, type Look } from './look.ts';

const promise = 'soak';
/** Only r1 is protected. */
const witnessed = 'r1';
const periodMs = 1000;

type Event = SampleOf<'soak'>['events'][number];

class Soak {
  readonly #mesh: Mesh;
  readonly #seed: number;
  readonly #startMs = Date.now();
  readonly #seen: ReturnType<typeof watch>;
  readonly #last = new Map<string, Look>();
  readonly #looks: Look[] = [];
  readonly #events: Event[] = [];
  readonly #clear: WanPacket[] = [];
  #broken: readonly string[] = [];
  #isOver = false;

  constructor(mesh: Mesh, seed: number) {
    this.#mesh = mesh;
    this.#seed = seed;
    this.#seen = watch(mesh.hub);
  }

  get minutes(): number {
    return (Date.now() - this.#startMs) / 60_000;
  }

  #requireWhole(): void {
    if (this.#broken.length === 0) return;
    const events = this.#events.map(
      ({ event, atUnixMs }) => `  ${((atUnixMs - this.#startMs) / 1000).toFixed(1)} s  ${event}`,
    );
    throw new Error(`soak of seed ${this.#seed}:\n${this.#broken.join('\n')}\n${events.join('\n')}`);
  }

  /** Frames of r1 since the last time: the sealed ones are counted, the others kept. */
  #wan(): { readonly sealed: number; readonly leaks: readonly string[] } {
    const own = this.#seen.packets.splice(0).filter(({ port }) => port === witnessed);
    const clear = own.filter((packet) => !isTunnelData(packet));
    this.#clear.push(...clear);
    const leaks = leaksOf(clear, witnessed).map((packet) => `in the clear: ${leakLine(packet)}`);
    return { sealed: own.length - clear.length, leaks };
  }

  async #look(): Promise<readonly string[]> {
    const signed = signedIn(join(this.#mesh.folder, 'network'));
    const atUnixMs = Date.now();
    const asked = await Promise.all([...this.#mesh.routers.values()].map((router) => ask(router, atUnixMs)));
    const { sealed, leaks } = this.#wan();
    const looks = asked.flatMap((each) => (each === undefined ? [] : [{ ...each, ...signed, sealed }]));
    const broken = looks.flatMap((now) => [...fallen(this.#last.get(now.router), now), ...strangers(now)]);
    for (const now of looks) this.#last.set(now.router, now);
    this.#looks.push(...looks);
    return [...leaks, ...broken];
  }

  /** Each second, until it is over or something does not hold. */
  async watchOver(): Promise<void> {
    while (!this.#isOver && this.#broken.length === 0) {
      const startMs = performance.now();
      this.#broken = await this.#look();
      await pause(Math.max(0, periodMs - (performance.now() - startMs)) / 1000);
    }
  }

  /** An event, and then the mesh has to carry by itself. */
  async step(soaked: Soaked): Promise<void> {
    const { name, happen } = draw(soaked.chance);
    const atUnixMs = Date.now();
    console.log(`${((atUnixMs - this.#startMs) / 1000).toFixed(1).padStart(8)} s  ${name}`);
    await happen(soaked);
    await carriesAgain(this.#mesh, 240_000);
    this.#events.push({ event: name, atUnixMs, carriedUnixMs: Date.now() });
    this.#requireWhole();
    await pause(2 * soaked.chance());
  }

  end(): void {
    this.#isOver = true;
  }

  sample(): SampleOf<'soak'> {
    this.#requireWhole();
    const [looks, clear] = [attach('jsonl', encodeLooks(this.#looks)), attach('pcap', pcapOf(this.#clear))];
    return { kind: 'soak', seed: this.#seed, port: witnessed, events: this.#events, looks, clear };
  }
}

async function soakFor(minutes: number, seed: number): Promise<void> {
  const mesh = await formExit();
  try {
    await leakAtBoot(mesh.router(witnessed));
    await startLeaking(mesh.router(witnessed));
    await carriesAgain(mesh);
    const soak = new Soak(mesh, seed);
    const watching = soak.watchOver();
    const soaked = { mesh, chance: chanceOf(seed), ghosts: [] };
    try {
      while (soak.minutes < minutes) await soak.step(soaked);
    } finally {
      // Else it would look for ever at routers that are gone.
      soak.end();
      await watching;
    }
    beginTest(title);
    record(soak.sample());
    endTest();
  } finally {
    await mesh.stop();
  }
}

async function run(minutes: number, seed: number, runner: Runner): Promise<boolean> {
  console.log(`soak of ${minutes} minutes, seed ${seed}`);
  openRecord(promise);
  await soakFor(minutes, seed);
  const done = closeRecord();
  if (done !== undefined) console.log(`raw samples: ${writeEvidence(done, new Map(), runner.runId, runner.keyFile)}`);
  return isOpen('soak', runner);
}

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes ?? Number.NaN);
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run soak -- --minutes N [--seed S]');
  process.exit(2);
}
process.exitCode = (await withRunner((runner) => run(minutes, seed, runner))) ? 0 : 1;
