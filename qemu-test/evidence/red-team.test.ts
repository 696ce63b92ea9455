/** Forgeries: each is one bend away from the honest set, and is refused with its own reason. */
import { expect, test } from 'vitest';
import { line, reasons } from './findings.ts';
import type { Forgery } from './forger.ts';
import { forgeries } from './forgeries.ts';
import { forgedBytes } from './forgeries-bytes.ts';
import { forgedOrigins } from './forgeries-origin.ts';
import { forgedReleases } from './forgeries-release.ts';
import { honest, sealed, type World } from './honest.ts';
import { honestRelease } from './honest-release.ts';
import { judge } from './judge.ts';

const ofPromises = [...forgedBytes, ...forgedOrigins, ...forgeries];
const all = [...ofPromises, ...forgedReleases];
const figure = 'reach: host of r1 to 192.168.2.2: 400 answered, 0 lost, ms p50 1.24 p95 1.29 p99 1.29';

test('the honest set is accepted, and its figures are computed from its samples', () => {
  const world = honest();
  expect(judge(world.gate, sealed(world), world.atHand)).toEqual({
    findings: [],
    figures: [figure],
  });
});

test('the honest release is accepted, with what is slight or of development alone among its vulnerabilities', () => {
  const world = honestRelease();
  expect(judge(world.gate, sealed(world), world.atHand)).toEqual({
    findings: [],
    figures: ['npm audit: 3 vulnerabilities, 1 of runtime dependencies', figure],
  });
});

function refuses(world: World, [, reason, wanted, before, after]: Forgery): void {
  before?.(world);
  const set = sealed(world);
  after?.(set.files, world);
  const { findings } = judge(world.gate, set, world.atHand);
  const found = findings.filter((each) => each.reason === reason).map(line);
  expect(found.join('\n'), findings.map(line).join('\n')).toMatch(wanted);
}

test.each<Forgery>(ofPromises)('refused: %s (%s)', (...forgery) => refuses(honest(), forgery));
test.each<Forgery>(forgedReleases)('refused of a release: %s (%s)', (...forgery) => refuses(honestRelease(), forgery));

test('no sentence stands twice, and every reason to refuse has a forgery', () => {
  expect(new Set(all.map(([what]) => what)).size).toBe(all.length);
  expect(new Set(all.map(([, reason]) => reason))).toEqual(new Set(reasons));
});
