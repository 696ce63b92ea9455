/** Which parts of the kernel are looked at again after a step: a proof must see what the step can have changed. */
import { expect, test } from 'vitest';
import { observeAfter } from '../../src/control/observe.ts';
import type { Step } from '../../src/plan/plan.ts';
import { compile } from '../../src/policy/compile.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { mirror } from '../plan/mirror.ts';
import { laptop, nowUnixS } from '../trust/network.ts';
import { worldOf } from './world-of.ts';

const desired = compile(believed([rule('any', 'any')]), laptop.id, choices);
const kernel = mirror(desired);
const tables = ['inet rustynet', 'inet rustynet_guard'];
const everything = ['boot files', 'device', ...tables, 'link', 'names', 'routing'];

async function looksAfter(...steps: Step['do'][]): Promise<readonly string[]> {
  const seen: string[] = [];
  const world = worldOf(kernel, () => undefined);
  const { firewall, wireGuard, network, routing, bootGuard, names } = world;
  const counted = <Given extends unknown[], Got>(
    what: string | undefined,
    look: (...given: Given) => Got,
  ): ((...given: Given) => Got) => {
    return (...given) => {
      seen.push(what ?? String(given[0]));
      return look(...given);
    };
  };
  firewall.table = counted(undefined, firewall.table);
  wireGuard.device = counted('device', wireGuard.device);
  network.link = counted('link', network.link);
  routing.look = counted('routing', routing.look);
  bootGuard.look = counted('boot files', bootGuard.look);
  names.look = counted('names', names.look);
  const given = steps.map((step) => ({ do: step }) as Step);
  const after = await observeAfter(world, desired, { ...kernel, guard: undefined, link: undefined }, given, nowUnixS);
  expect(after.guard === kernel.guard, 'the guard is as it was seen last').toBe(seen.includes('inet rustynet'));
  expect(after.link === kernel.link, 'the link is as it was seen last').toBe(seen.includes('link'));
  return seen.sort();
}

test.each<[Step['do'][], string[]]>([
  [['guard'], ['inet rustynet']],
  [['grants'], ['inet rustynet']],
  [['protection'], ['inet rustynet_guard']],
  [['routing'], ['routing']],
  [['boot-guard'], ['boot files']],
  [['names'], ['names']],
  [
    ['set-peers', 'remove-peers'],
    ['device', 'link'],
  ],
  [['create-link'], everything],
  [['configure-link'], everything],
  [['address-link'], everything],
  [['remove-link'], everything],
])('after %j: %j', async (steps, wanted) => {
  expect(await looksAfter(...steps)).toEqual(wanted);
});
