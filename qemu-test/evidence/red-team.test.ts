/** Forgeries: each is one bend away from the honest set, and is refused with its own reason. */
import { expect, test } from 'vitest';
import { line, reasons } from './findings.ts';
import type { Forgery } from './forger.ts';
import { forgeries } from './forgeries.ts';
import { forgedBytes } from './forgeries-bytes.ts';
import { forgedOrigins } from './forgeries-origin.ts';
import { honest, sealed } from './honest.ts';
import { judge } from './judge.ts';

const all = [...forgedBytes, ...forgedOrigins, ...forgeries];

test('the honest set is accepted, and its figures are computed from its samples', () => {
  const world = honest();
  expect(judge(world.gate, sealed(world), world.atHand)).toEqual({
    findings: [],
    figures: ['reach: host of r1 to 192.168.2.2: 400 answered, 0 lost, ms p50 1.24 p95 1.29 p99 1.29'],
  });
});

test.each<Forgery>(all)('refused: %s (%s)', (_, reason, wanted, before, after) => {
  const world = honest();
  before?.(world);
  const set = sealed(world);
  after?.(set.files, world);
  const { findings } = judge(world.gate, set, world.atHand);
  const found = findings.filter((each) => each.reason === reason).map(line);
  expect(found.join('\n'), findings.map(line).join('\n')).toMatch(wanted);
});

test('no sentence stands twice, and every reason to refuse has a forgery', () => {
  expect(new Set(all.map(([what]) => what)).size).toBe(all.length);
  expect(new Set(all.map(([, reason]) => reason))).toEqual(new Set(reasons));
});
