/**
 * When the loop runs: one run at a time. In: triggers, and what a run leaves to do. Out: runs; triggers during one become
 * one more, and without any the next comes when the run before asked for it.
 */
import type { State } from '../plan/judge.ts';

/** netifd and the kernel answer a step with events of their own; each would be the next run. */
const settleMs = 1_000;

/** The kernel is looked at at least this often. */
const auditS = 60;
/** After a run that failed or left something to do. */
const retryS = 5;
/** So long after the last run that somebody asked for, nothing more is to be expected. */
const restMs = 10_000;
/** Nor when so many came by themselves; each leaves more than a megabyte of garbage, of which V8 lets ten gather. */
const quietRuns = 5;
const lasting: readonly State[] = ['enforced', 'closed', 'unclocked', 'break-glass'];

/** Seconds until the next run: in a state that lasts, no later than the first of what ends by then. */
export function wakeS(state: State, endsInS: readonly number[]): number {
  return lasting.includes(state) ? Math.max(1, Math.min(auditS, ...endsInS)) : retryS;
}

export interface Turn {
  /** Does not reject. */
  run(): Promise<void>;
  /** Whether the run that ended left something unproven: what it set off itself does not follow it at once. */
  isUnproven(): boolean;
  /** Seconds until the next run, if nobody asks for one. */
  wakeS(): number;
  /** When it has been quiet since the last run that was asked for, and after every few that nobody asked for. */
  rest(): void;
}

export class Turns {
  readonly #turn: Turn;
  #running: Promise<void> | undefined;
  #again = false;
  #notBeforeMs = 0;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #wasAsked = false;
  #runs = 0;
  #restTimer: NodeJS.Timeout | undefined;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** Asks for a run; those asked for during one become one more. */
  trigger(): void {
    this.#wasAsked = true;
    this.#begin();
  }

  #begin(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    clearTimeout(this.#restTimer);
    const waitMs = this.#notBeforeMs - performance.now();
    if (waitMs > 0) this.#timer = setTimeout(() => this.#begin(), waitMs);
    else this.#running = this.#turn.run().then(() => this.#ended());
  }

  #ended(): void {
    this.#running = undefined;
    this.#runs += 1;
    this.#notBeforeMs = this.#turn.isUnproven() ? performance.now() + settleMs : 0;
    if (this.#again) {
      this.#again = false;
      this.#begin();
    } else if (!this.#stopped) {
      this.#timer = setTimeout(() => this.#begin(), this.#turn.wakeS() * 1000);
      if (this.#wasAsked || this.#runs >= quietRuns) this.#restTimer = setTimeout(() => this.#rest(), restMs);
    }
  }

  #rest(): void {
    this.#wasAsked = false;
    this.#runs = 0;
    this.#turn.rest();
  }

  /** Resolves when a run that began after this call has ended. */
  async next(): Promise<void> {
    await this.#running;
    this.#notBeforeMs = 0;
    this.trigger();
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#restTimer);
    await this.#running;
  }
}
