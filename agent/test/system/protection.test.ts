/** The protection of an exit on this machine's kernel: what nft and ip list is what was asked for, whatever the names. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFirewall } from '../../src/drivers/nft.ts';
import { connectRouting } from '../../src/drivers/routing.ts';
import { renderWhole } from '../../src/plan/elements.ts';
import type { Observed } from '../../src/plan/observed.ts';
import { protectionFindings, protectionTable, renderProtection } from '../../src/plan/protection.ts';
import { prove } from '../../src/plan/prove.ts';
import { routingFindings, routingScripts } from '../../src/plan/routing.ts';
import { closedDesired } from '../../src/policy/desired.ts';
import { choices } from '../policy/believed.ts';
import { createNamespace, type Namespace } from './netns.ts';
import { around, observedAround } from './router-world.ts';

let router: Namespace;
beforeAll(() => {
  router = createNamespace('protected');
  router.run('ip link set lo up');
});
afterAll(() => router.remove());

const desired = closedDesired({ ...choices, exit: 'full' });
/** Two NTP names with one address. */
const observed: Observed = { ...observedAround, lifelines: [...around.lifelines, ...around.lifelines] };

test('both layers are found again as they were set', async () => {
  await router.enter(async () => {
    await connectFirewall().run(renderProtection(desired, observed));
    await connectRouting().run(routingScripts(desired, observed, 'guard'));
    const seen = {
      ...observed,
      protection: await connectFirewall().table(protectionTable),
      routing: await connectRouting().look(),
    };
    expect(protectionFindings(desired, seen)).toEqual([]);
    expect(routingFindings(desired, seen, 'guard')).toEqual([]);
    expect(seen.routing[4].rules.filter((line) => line.includes('8883'))).toHaveLength(1);
  });
});

test.each(['br-lan', '2g-lan', '5g0', 'mark', 'log', 'set', 'ip', 'eth0.1'])(
  'a device may be named %s',
  async (name) => {
    const named = { ...observed, locals: [{ name: 'lan', device: name, prefixes: [] }], uplinkDevices: [name] };
    await router.enter(async () => {
      const firewall = connectFirewall();
      await firewall.run(renderProtection(desired, named) + renderWhole(desired, named));
      const seen = {
        ...named,
        protection: await firewall.table(protectionTable),
        guard: await firewall.table('inet rustynet'),
      };
      expect(protectionFindings(desired, seen)).toEqual([]);
      expect(prove(desired, seen).rest).toEqual([]);
    });
  },
);
