import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/control/backoff.ts';

const almostOne = (): number => 1 - 2 ** -53;

/** The widest delays that follow one another, as the largest random number gives them. */
function windowsMs(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next(almostOne) + 1);
}

describe('the delays of a backoff', () => {
  it('doubles the window from 1 s until it stays at 120 s', () => {
    expect(windowsMs(new Backoff(), 10)).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000,
    ]);
  });

  it('spreads delays over the whole window', () => {
    for (const [random, delayMs] of [
      [0, 0],
      [0.25, 250],
      [0.5, 500],
    ] as const) {
      expect(new Backoff().next(() => random)).toBe(delayMs);
    }
  });

  it('gives whole delays within the cap for any base, cap and randomness', () => {
    const bounds = fc.record({ baseMs: fc.integer({ min: 1, max: 5_000 }), capMs: fc.integer({ min: 1, max: 9_000 }) });
    const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 80 });
    fc.assert(
      fc.property(bounds, draws, (given, values) => {
        const backoff = new Backoff(given);
        for (const value of values) {
          const delayMs = backoff.next(() => value);
          expect(Number.isSafeInteger(delayMs) && delayMs >= 0 && delayMs < given.capMs).toBe(true);
        }
      }),
    );
  });
});

describe('what ends the series', () => {
  const rows: readonly [sentence: string, connectedMs: number | undefined, lostMs: number, nextWindowMs: number][] = [
    ['a connection of exactly 60 s does', 5_000, 65_000, 1_000],
    ['a connection of an hour does', 0, 3_600_000, 1_000],
    ['a connection one millisecond shorter than 60 s does not', 5_000, 64_999, 8_000],
    ['a connection that broke at once does not', 5_000, 5_000, 8_000],
    ['an attempt that never connected does not', undefined, 3_600_000, 8_000],
  ];
  it.each(rows)('%s', (_sentence, connectedMs, lostMs, nextWindowMs) => {
    const backoff = new Backoff();
    windowsMs(backoff, 3);
    if (connectedMs !== undefined) backoff.connected(connectedMs);
    backoff.disconnected(lostMs);
    expect(windowsMs(backoff, 1)).toEqual([nextWindowMs]);
  });

  it('counts each connection by itself: a loss after a stable one does not stay stable', () => {
    const backoff = new Backoff();
    backoff.connected(0);
    backoff.disconnected(60_000);
    windowsMs(backoff, 2);
    backoff.disconnected(200_000);
    expect(windowsMs(backoff, 1)).toEqual([4_000]);
  });
});
