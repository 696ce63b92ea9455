/**
 * What time it is, and who vouches for it. Routers have no clock at boot: theirs starts hours to years off. In: the
 * system clock, a monotonic clock, the word that NTP has set the clock, the time floor. Out: a time that lies before
 * nothing that was signed, said by NTP, or used to open the mesh; and how it is known.
 */
import { skewS } from '../trust/limits.ts';

/**
 * `ntp`: NTP set the clock since this process began. `signed`: nobody vouches for the clock, but it has reached the
 * newest time that is known for sure. `unknown`: it has not, so it is wrong, by however much.
 */
export type ClockSource = 'ntp' | 'signed' | 'unknown';

export class Time {
  readonly #clockUnixS: () => number;
  readonly #monotonicS: () => number;
  /** The time was at least this; fractions are kept, or each new mark would lose one. */
  #least = { unixS: 0, atS: 0 };
  #isConfirmed = false;

  constructor(clockUnixS: () => number, monotonicS: () => number) {
    this.#clockUnixS = clockUnixS;
    this.#monotonicS = monotonicS;
  }

  get isConfirmed(): boolean {
    return this.#isConfirmed;
  }

  /** NTP has set the system clock. What was counted from a clock that nobody vouched for is forgotten. */
  confirm(): void {
    const leastUnixS = this.#isConfirmed ? this.#leastUnixS() : 0;
    this.#isConfirmed = true;
    this.#mark(Math.max(this.#clockUnixS(), leastUnixS));
  }

  /** From here on time goes forward, whatever is done to the clock: what is open now must not stay open longer. */
  hold(floorUnixS: number): void {
    this.#mark(this.#exactUnixS(floorUnixS));
  }

  source(floorUnixS: number): ClockSource {
    if (this.#isConfirmed) return 'ntp';
    return this.#clockUnixS() + skewS >= floorUnixS ? 'signed' : 'unknown';
  }

  nowUnixS(floorUnixS: number): number {
    return Math.floor(this.#exactUnixS(floorUnixS));
  }

  #leastUnixS(): number {
    return this.#least.unixS + this.#monotonicS() - this.#least.atS;
  }

  /** After NTP its time counts on by itself: a clock that is set by hand moves it neither way. */
  #exactUnixS(floorUnixS: number): number {
    const clockUnixS = this.#isConfirmed ? 0 : this.#clockUnixS();
    return Math.max(clockUnixS, this.#leastUnixS(), floorUnixS);
  }

  #mark(unixS: number): void {
    this.#least = { unixS, atS: this.#monotonicS() };
  }
}
