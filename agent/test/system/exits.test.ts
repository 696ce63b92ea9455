/** The mesh, exits and protection on this machine's kernel: what packets meet. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome, scenarios, wantedOf, type Scenario } from './packets.ts';
import { createRouterWorld, type RouterWorld } from './router-world.ts';

let world: RouterWorld;
beforeAll(async () => {
  world = await createRouterWorld();
});
afterAll(() => world.remove());

test.each(Object.entries<Scenario>(scenarios))('%s', async (_, scenario) => {
  expect(await outcome(world, scenario)).toEqual(wantedOf(scenario));
});
