/**
 * What one router believes. In: a clock and a monotonic clock that a test moves, messages, reboots that make all but the
 * flash anew. Out: a map or why there is none, and what is on a real flash folder.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Belief } from '../../src/control/belief.ts';
import { Time } from '../../src/control/time.ts';
import { openFlash } from '../../src/drivers/flash.ts';
import { firstFloors } from '../../src/trust/floors.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { topics } from '../../src/trust/topics.ts';
import { digestOf } from '../../src/trust/words.ts';
import { dayS, network, nowUnixS, rootOf, signedRoot, type SignedMap } from '../trust/network.ts';

const root = rootOf();

export class RouterOfOne {
  readonly folder = mkdtempSync(join(tmpdir(), 'rustynet-clock-'));
  readonly store = openFlash(this.folder);
  readonly said: string[] = [];
  clock = nowUnixS;
  #monotonicS = 0;
  time = this.#newTime();
  belief: Belief;

  constructor() {
    const floors = firstFloors({ version: 1, digest: digestOf(encodeRoot(root)) }, nowUnixS - dayS);
    this.store.commit({ floors }, new Map(), []);
    this.belief = this.#newBelief();
    this.belief.receive({ topic: topics.root(network, 1), payload: signedRoot(root) });
  }

  #newTime(): Time {
    return new Time(
      () => this.clock,
      () => this.#monotonicS,
    );
  }

  #newBelief(): Belief {
    const stored = this.store.read();
    if (stored === undefined) throw new Error('wanted floors on flash, got none');
    return new Belief(network, this.store, stored.floors, this.time);
  }

  /** Both clocks go on. */
  pass(seconds: number): void {
    this.clock += seconds;
    this.#monotonicS += seconds;
  }

  reboot(clock: number): void {
    [this.clock, this.#monotonicS] = [clock, 0];
    this.time = this.#newTime();
    this.belief = this.#newBelief();
  }

  ntp(clock: number): void {
    this.clock = clock;
    this.time.confirm();
  }

  hear({ envelope, parts }: SignedMap): void {
    this.belief.receive({ topic: topics.map(network), payload: envelope });
    for (const part of Object.values(parts)) {
      this.belief.receive({ topic: topics.part(network, digestOf(part)), payload: part });
    }
  }

  /** As a run of the loop asks it: an epoch, or why there is none. */
  run(): number | string {
    this.belief.wake((line) => this.said.push(line));
    const map = this.belief.current();
    return typeof map === 'string' ? map : map.epoch;
  }

  get floorUnixS(): number {
    return this.store.read()?.floors.timeUnixS ?? 0;
  }
}
