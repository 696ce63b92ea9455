/**
 * Packets at the rules as they are rendered, and at rules that were broken on purpose, on this machine's own kernel: what
 * leaks is noticed. It says that the packets of agent/test/system can find a fault, and nothing of a router's kernel.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { meet } from '../../agent/test/system/meet.ts';
import { mutate, mutations, noticedBy, type Mutated, type ScenarioName } from '../../agent/test/system/mutations.ts';
import { scenarios, wantedOf, type Outcome } from '../../agent/test/system/packets.ts';
import { createRouterWorld, type RouterWorld } from '../../agent/test/system/router-world.ts';
import { record, recordSubjects } from '../evidence/recorder.ts';
import { ruleSubjects } from '../evidence/rule-subjects.ts';

let world: RouterWorld;
beforeAll(async () => {
  recordSubjects(ruleSubjects);
  world = await createRouterWorld();
});
afterAll(() => world.remove());

const names = Object.keys(scenarios) as ScenarioName[];

async function seenAt(name: ScenarioName, { rules, replaced, by }: Mutated): Promise<Outcome> {
  const outcome = await meet(world, scenarios[name], rules);
  const seen = Object.entries(outcome).map(([sentence, source]) => ({ sentence, source }));
  record({ kind: 'packets', rules: name, replaced, by, seen });
  return outcome;
}

test.each(names)('%s: every packet meets what it must', async (name) => {
  const { rules } = scenarios[name];
  expect(await seenAt(name, { rules, replaced: '', by: '' })).toEqual(wantedOf(scenarios[name]));
});

test.each(mutations)('%s (%s): a packet notices it', async (...mutation) => {
  expect(noticedBy(mutation, await seenAt(mutation[1], mutate(mutation)))).not.toEqual([]);
});
