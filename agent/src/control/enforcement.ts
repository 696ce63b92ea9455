/**
 * The kernel under one wish after the other. In: what is desired, and what it follows from; word that tables went or came.
 * Out: the outcome of the last run, and of which map and choices it is.
 */
import { table } from '../plan/guard.ts';
import type { Observed } from '../plan/observed.ts';
import type { Step } from '../plan/plan.ts';
import { isProtected, protectionTable } from '../plan/protection.ts';
import type { Desired } from '../policy/desired.ts';
import { Laps, type LapsMs } from './laps.ts';
import { messageOf, type World } from './ports.ts';
import { hurry, leaseNowS, reconcile, shorten, unproven, type Clocks, type Outcome } from './reconcile.ts';

export interface Wish {
  readonly desired: Desired;
  /** A proof of one map, or of one interface, is none of the next. */
  readonly subject: string;
  /** How long it may still stay open, seconds. */
  readonly lifeS: () => number;
}

export class Enforcement {
  readonly #world: World;
  readonly #clocks: Omit<Clocks, 'lifeS'>;
  readonly #log: (line: string) => void;
  #outcome: Outcome | undefined;
  /** What was seen last; `undefined` when nothing was, or the last look failed. */
  #last: Observed | undefined;
  #subject = '';
  #haveTablesChanged = false;
  #hurried: readonly Step[] = [];
  #laps: Laps | undefined;
  #changeMs: LapsMs = {};

  constructor(world: World, clocks: Omit<Clocks, 'lifeS'>, log: (line: string) => void) {
    this.#world = world;
    this.#clocks = clocks;
    this.#log = log;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Where the time of the last run went that had something to do: those that only look would hide it a second later. */
  get changeMs(): LapsMs {
    return this.#changeMs;
  }

  get subject(): string {
    return this.#subject;
  }

  get leaseS(): number {
    return this.#outcome === undefined ? 0 : leaseNowS(this.#outcome, this.#clocks.monotonicS());
  }

  /** Something was to be done, and not all of it is seen done. */
  get isUnproven(): boolean {
    const { steps = [], proof } = this.#outcome ?? {};
    return steps.length > 0 && [...(proof?.guard ?? []), ...(proof?.rest ?? [])].length > 0;
  }

  /** Somebody, perhaps this process, took nft tables away or made some: the next run looks at ours before all else. */
  tablesChanged(): void {
    this.#haveTablesChanged = true;
  }

  /** Before all that takes its time: what the wish takes back, and tables of ours that are gone. */
  async hurry(wish: Wish): Promise<void> {
    this.#laps = new Laps(this.#clocks.monotonicS);
    await this.#hurry(wish);
    this.#laps.end('take back');
  }

  async #hurry({ desired, subject, lifeS }: Wish): Promise<void> {
    const [isAsBefore, haveTablesChanged] = [this.#subject === subject, this.#haveTablesChanged];
    this.#haveTablesChanged = false;
    const last = this.#last;
    if (last === undefined || (isAsBefore && !haveTablesChanged)) return;
    try {
      const known = haveTablesChanged ? await this.#withTables(last, isProtected(desired)) : last;
      await shorten(this.#world, desired, known.guard === undefined ? 0 : this.leaseS, lifeS);
      this.#hurried = await hurry(this.#world, desired, known, isAsBefore, this.#log);
    } catch (error) {
      this.#log(`what is taken back could not go first: ${messageOf(error)}`);
    }
  }

  async #withTables(last: Observed, both: boolean): Promise<Observed> {
    const { firewall } = this.#world;
    const [guard, protection] = await Promise.all([
      firewall.table(table),
      both ? firewall.table(protectionTable) : undefined,
    ]);
    return { ...last, guard, protection };
  }

  async run({ desired, subject, lifeS }: Wish, broker: string | undefined): Promise<void> {
    const [hurried, clocks] = [this.#hurried, { ...this.#clocks, lifeS }];
    this.#hurried = [];
    this.#laps?.end('settle');
    try {
      this.#outcome = await reconcile(this.#world, desired, clocks, this.#log, broker, hurried, this.#laps);
      if (this.#outcome.steps.length > 0) this.#changeMs = this.#outcome.tookMs;
      this.#last = this.#outcome.observed;
    } catch (error) {
      const finding = `the kernel could not be read or set: ${messageOf(error)}`;
      this.#outcome = unproven(finding, this.#clocks.clockUnixS());
      this.#last = undefined;
      await this.#world.wireGuard.remove(desired.interface).catch((cause: unknown) => this.#log(messageOf(cause)));
    } finally {
      this.#subject = subject;
    }
  }
}
