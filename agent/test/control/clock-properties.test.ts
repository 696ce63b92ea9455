/** Whatever is done to the clocks of a router, in whatever order. */
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayS, mapOf, nowUnixS } from '../trust/network.ts';
import { RouterOfOne } from './router-of-one.ts';

const good = mapOf();
const { expiresUnixS: endUnixS } = good.manifest;
const yearS = 365 * dayS;

type Event = { readonly kind: 'clock' | 'ntp' | 'reboot' | 'pass' | 'map'; readonly at: number };
const spanS = 20 * dayS;
const event: fc.Arbitrary<Event> = fc.record({
  kind: fc.constantFrom('clock', 'ntp', 'reboot', 'pass', 'map'),
  at: fc.oneof(
    fc.integer({ min: 0, max: spanS }),
    fc.constantFrom(-nowUnixS, -36_000, 0, yearS, endUnixS - nowUnixS - 1, endUnixS - nowUnixS),
  ),
});

test('whatever happens, no map is in force beyond the greatest time that NTP said, and no floor falls', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 25 }), (events) => {
      const each = new RouterOfOne();
      each.hear(good);
      let [greatest, epoch, before] = [0, 7, each.belief.floors];
      for (const { kind, at } of events) {
        const unixS = Math.max(0, nowUnixS + at);
        if (kind === 'clock') each.clock = unixS;
        else if (kind === 'ntp') each.ntp(unixS);
        else if (kind === 'reboot') each.reboot(unixS);
        else if (kind === 'pass') each.pass(Math.abs(at) % spanS);
        else {
          epoch += 1;
          each.hear(mapOf({ epoch, issuedUnixS: unixS, expiresUnixS: unixS + 3600 + (unixS % (10 * dayS)) }));
        }
        if (kind === 'ntp') greatest = Math.max(greatest, unixS);
        each.run();
        const [map, floors] = [each.belief.current(), each.store.read()?.floors];
        if (floors === undefined) throw new Error('wanted floors on flash, got none');
        if (typeof map !== 'string') {
          expect(map.expiresUnixS).toBeGreaterThan(greatest);
          expect(map.expiresUnixS).toBeGreaterThan(floors.timeUnixS);
          expect(map.epoch).toBe(floors.epoch);
        }
        expect(floors.timeUnixS).toBeGreaterThanOrEqual(before.timeUnixS);
        expect(floors.epoch).toBeGreaterThanOrEqual(before.epoch);
        before = floors;
      }
      rmSync(each.folder, { recursive: true });
    }),
    { numRuns: 150 },
  );
});
