/**
 * How long to wait before trying again: exponential backoff with full jitter, so that a thousand routers do not come
 * back to a restarted broker at one moment.
 * In: reports of connections and losses with a monotonic time in milliseconds, and a source of randomness in [0, 1).
 * Out: delays in milliseconds, spread evenly over a window that doubles up to a cap.
 */

export interface BackoffBounds {
  /** Width of the first window. */
  readonly baseMs: number;
  /** No window is wider. */
  readonly capMs: number;
  /** A connection that lived this long ends the series. */
  readonly stableMs: number;
}

export const defaultBounds: BackoffBounds = { baseMs: 1_000, capMs: 120_000, stableMs: 60_000 };

export class Backoff {
  readonly #bounds: BackoffBounds;
  #windowMs: number;
  #connectedAtMs: number | undefined;

  constructor(bounds: Partial<BackoffBounds> = {}) {
    this.#bounds = { ...defaultBounds, ...bounds };
    this.#windowMs = this.#firstWindowMs();
  }

  connected(nowMs: number): void {
    this.#connectedAtMs = nowMs;
  }

  /** A peer that accepts and then breaks each connection must not be retried fast: a short one ends no series. */
  disconnected(nowMs: number): void {
    const stable = this.#connectedAtMs !== undefined && nowMs - this.#connectedAtMs >= this.#bounds.stableMs;
    this.#connectedAtMs = undefined;
    if (stable) this.#windowMs = this.#firstWindowMs();
  }

  /** The delay before the next attempt, whole milliseconds, less than the present window, which then doubles. */
  next(random: () => number): number {
    const delayMs = Math.floor(random() * this.#windowMs);
    this.#windowMs = Math.min(this.#windowMs * 2, this.#bounds.capMs);
    return delayMs;
  }

  #firstWindowMs(): number {
    return Math.min(this.#bounds.baseMs, this.#bounds.capMs);
  }
}
