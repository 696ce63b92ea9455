/** Where the time of a run went. In: a monotonic clock. Out: milliseconds by the name of a part, in the order of their ends. */
export type LapsMs = Readonly<Record<string, number>>;

export class Laps {
  readonly #nowS: () => number;
  readonly #tookS = new Map<string, number>();
  #atS: number;

  constructor(nowS: () => number) {
    this.#nowS = nowS;
    this.#atS = nowS();
  }

  /** What began at the end of the last part ends now. */
  end(part: string): void {
    const nowS = this.#nowS();
    this.#tookS.set(part, nowS - this.#atS);
    this.#atS = nowS;
  }

  get ms(): LapsMs {
    return Object.fromEntries([...this.#tookS].map(([part, seconds]) => [part, Math.round(seconds * 1000)]));
  }
}
