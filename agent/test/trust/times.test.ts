/** Times and spans in words. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, time } from '../../src/trust/times.ts';

test.each<[string, unknown, string]>([
  ['in UTC', 1_800_000_000, '2027-01-15T08:00:00Z'],
  ['0 is none', 0, 'never'],
  ['nor is what is no number', null, 'never'],
  ['the last second of a Date', 8.64e12 - 1, '+275760-09-12T23:59:59Z'],
  ['what no Date holds, as a number', 8.64e12, '8640000000000'],
])('a time: %s', (_, unixS, text) => {
  expect(time(unixS)).toBe(text);
});

test('a time is text for whatever somebody signed', () => {
  fc.assert(fc.property(fc.maxSafeInteger(), (unixS) => typeof time(unixS) === 'string'));
});

test.each([
  [119, '119 s'],
  [120, '2 min'],
  [7200, '2 h'],
  [262_345, '3 d'],
  [-7200, '-2 h'],
])('%s s are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
