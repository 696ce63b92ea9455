/** When the loop runs, and when it rests: by a clock that the test turns. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Turns } from '../../src/control/turns.ts';

const restMs = 10_000;
let runs: number;
let rests: number;
let turns: Turns;

beforeEach(() => {
  vi.useFakeTimers();
  [runs, rests] = [0, 0];
  turns = new Turns({
    run: () => Promise.resolve(void runs++),
    isUnproven: () => false,
    wakeS: () => 60,
    rest: () => void rests++,
  });
});
afterEach(() => void vi.useRealTimers());

const passes = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

test('it rests once, when it has been quiet for a while after what was asked for', async () => {
  turns.trigger();
  await passes(restMs - 1);
  expect([runs, rests]).toEqual([1, 0]);
  await passes(1);
  expect([runs, rests]).toEqual([1, 1]);
});

test('what comes meanwhile puts it off', async () => {
  turns.trigger();
  await passes(restMs - 1);
  turns.trigger();
  await passes(restMs - 1);
  expect([runs, rests]).toEqual([2, 0]);
  await passes(1);
  expect(rests).toBe(1);
});

test('of the runs that nobody asked for, each fifth is followed by a rest', async () => {
  turns.trigger();
  await passes(300_000 + restMs - 1);
  expect([runs, rests]).toEqual([6, 1]);
  await passes(1);
  expect([runs, rests]).toEqual([6, 2]);
  await passes(300_000);
  expect([runs, rests]).toEqual([11, 3]);
});

test('stopped, it neither runs nor rests', async () => {
  turns.trigger();
  await passes(1);
  await turns.stop();
  turns.trigger();
  await passes(600_000);
  expect([runs, rests]).toEqual([1, 0]);
});
