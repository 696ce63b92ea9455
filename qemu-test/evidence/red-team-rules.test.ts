/** Forgeries of the promise of broken rules: each is one bend away from the honest set, and is refused with its own reason. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mutations, type ScenarioName } from '../../agent/test/system/mutations.ts';
import { scenarios, type Scenario } from '../../agent/test/system/packets.ts';
import { line, type Reason } from './findings.ts';
import { asWanted, deadNetwork, forgedRules, leftOut, type ForgedRules } from './forgeries-rules.ts';
import { forgedRuleOrigins } from './forgeries-rules-origin.ts';
import { gates } from './gates.ts';
import { brokenTitle } from './gates/rules.ts';
import { honestRules, sealRules } from './honest-rules.ts';
import { judge } from './judge.ts';

const all = [...forgedRules, ...forgedRuleOrigins];

function refusals(reason: Reason, before: ForgedRules[3], after: ForgedRules[4]): string {
  const world = honestRules();
  before?.(world);
  const set = sealRules(world);
  after?.(set.files, world);
  const { findings } = judge(world.gate, set, world.atHand);
  return findings
    .filter((each) => each.reason === reason)
    .map(line)
    .join('\n');
}

test('the honest set is accepted', () => {
  const world = honestRules();
  expect(judge(world.gate, sealRules(world), world.atHand).findings.map(line)).toEqual([]);
});

test('of OpenWrt too, with the same list: it has no guest there either', () => {
  const world = honestRules();
  for (const each of [world.reach, world.leak]) each.predicate = { ...each.predicate, tier: 'openwrt' };
  world.atHand.tier = 'openwrt';
  expect(judge(world.gate, sealRules(world), world.atHand).findings.map(line)).toEqual([]);
});

test.each<ForgedRules>(all)('refused: %s (%s)', (_, reason, wanted, before, after) => {
  expect(refusals(reason, before, after)).toMatch(wanted);
});

test('no sentence stands twice', () => {
  expect(new Set(all.map(([what]) => what)).size).toBe(all.length);
});

describe('each mutation is asked for by itself', () => {
  test.each(mutations)('%s (%s)', (...mutation) => {
    const title = brokenTitle(mutation);
    expect(refusals('test-missing', leftOut(mutation), undefined)).toContain(`wanted "${title}", got no such test`);
    expect(refusals('sample', asWanted(mutation), undefined)).toMatch(
      /got (nothing of it noticed|no packet that arrived)$/,
    );
    expect(refusals('sample', deadNetwork(mutation), undefined)).toMatch(/got no packet that arrived$/);
  });
});

describe('the list', () => {
  const counts = { pairs: 13, invalid: 1, 'no lease': 5, exit: 7, client: 6, strangers: 3, protection: 8, routing: 5 };
  const names = Object.keys(scenarios) as ScenarioName[];

  test('has as many mutations of each scenario as when it was agreed on, no two with one title', () => {
    const got = names.map((name) => [name, mutations.filter(([, each]) => each === name).length]);
    expect(Object.fromEntries(got)).toEqual(counts);
    expect(new Set(mutations.map(brokenTitle)).size).toBe(mutations.length);
  });
  test('is as long as both READMEs say', () => {
    const [own, whole] = ['README.md', '../../README.md'].map((name) =>
      readFileSync(join(import.meta.dirname, name), 'utf8'),
    );
    expect(own).toContain(`${mutations.length} times with one text`);
    expect(whole).toContain(`${mutations.length} faults`);
  });
  test.each(names)('%s: no two packets with one sentence', (name) => {
    const sentences = (scenarios[name] as Scenario).expectations.map(([sentence]) => sentence);
    expect(sentences.filter((each, at) => sentences.indexOf(each) !== at)).toEqual([]);
  });
  test('is part of the gates leak and release alone', () => {
    const asking = gates.filter(({ promises }) => 'broken-rules-are-noticed' in promises);
    expect(asking.map(({ name, unit }) => [name, unit])).toEqual([
      ['leak', ['broken-rules-are-noticed']],
      ['release', ['broken-rules-are-noticed']],
    ]);
  });
});
