/** What a router believes while its clock is wrong, late, set, set back, or set ahead. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Time } from '../../src/control/time.ts';
import { topics } from '../../src/trust/topics.ts';
import { dayS, mapOf, network, nowUnixS, rootOf, signedRoot } from '../trust/network.ts';
import { RouterOfOne } from './router-of-one.ts';

const good = mapOf();
const { expiresUnixS: endUnixS } = good.manifest;
const yearS = 365 * dayS;

let router: RouterOfOne;
beforeEach(() => {
  router = new RouterOfOne();
  router.hear(good);
});
afterEach(() => rmSync(router.folder, { recursive: true }));

describe('who vouches for the clock', () => {
  const floor = 10_000;
  test.each([
    ['121 s before the newest signed time', 9_879, 'unknown', 10_000],
    ['120 s before it: the skew that is allowed', 9_880, 'signed', 10_000],
    ['the newest signed time', 10_000, 'signed', 10_000],
    ['a second later', 10_001, 'signed', 10_001],
  ])('%s', (_, clock, source, now) => {
    const time = new Time(
      () => clock,
      () => 0,
    );
    expect([time.source(floor), time.nowUnixS(floor)]).toEqual([source, now]);
  });
  test('NTP does, whatever it says; time never lies before what was signed', () => {
    const time = new Time(
      () => 1000,
      () => 0,
    );
    time.confirm();
    expect([time.source(floor), time.nowUnixS(floor)]).toEqual(['ntp', floor]);
  });
  test('after NTP its time counts on by itself: a hand on the clock moves it neither way', () => {
    router.ntp(nowUnixS + 100);
    router.pass(50);
    for (const clock of [0, nowUnixS - dayS, nowUnixS + yearS]) {
      router.clock = clock;
      expect(router.time.nowUnixS(0)).toBe(nowUnixS + 150);
    }
  });
  test('of two that NTP said, the later one counts; many short runs lose nothing', () => {
    router.ntp(nowUnixS + 500);
    router.ntp(nowUnixS + 100);
    expect(router.time.nowUnixS(0)).toBe(nowUnixS + 500);
    for (let times = 0; times < 100; times += 1) {
      router.pass(0.25);
      router.run();
    }
    expect(router.time.nowUnixS(0)).toBe(nowUnixS + 525);
  });
});

describe('a map comes to its end', () => {
  test.each(['ntp', 'signed'])('at its expiry, not a second before; the clock is known by: %s', (source) => {
    if (source === 'ntp') router.ntp(endUnixS - 1);
    router.clock = endUnixS - 1;
    expect([router.run(), router.belief.clock]).toEqual([7, source]);
    router.pass(1);
    const by = source === 'ntp' ? '' : ', by a clock that NTP has not confirmed';
    expect(router.run()).toBe(
      `the map of epoch 7 expired at ${new Date(endUnixS * 1000).toISOString().replace('.000', '')}${by}`,
    );
    expect(router.belief.clock).toBe(source === 'ntp' ? 'ntp' : 'unknown');
  });
  test('for sure, where a later time was signed: then no clock is needed to say so', () => {
    const later = mapOf({ epoch: 8, issuedUnixS: endUnixS - 3600, expiresUnixS: endUnixS });
    router.clock = endUnixS - 3600;
    router.hear(later);
    router.reboot(endUnixS - 3600);
    expect(router.run()).toBe(8);
    router.clock = endUnixS + 5;
    expect([String(router.run()), router.belief.clock]).toEqual([expect.stringContaining('expired'), 'unknown']);
    router.hear(mapOf({ epoch: 9, issuedUnixS: endUnixS + 5, expiresUnixS: endUnixS + 4000 }));
    expect([router.run(), router.belief.clock]).toEqual([9, 'signed']);
  });
  test('with its root, whatever the map says', () => {
    const soon = rootOf({ version: 2, expiresUnixS: nowUnixS + 5000 });
    router.belief.receive({ topic: topics.root(network, 2), payload: signedRoot(soon) });
    expect([router.run(), router.belief.untilUnixS]).toEqual([7, nowUnixS + 5000]);
    router.ntp(nowUnixS + 5000);
    expect(router.run()).toBe('root version 2 expired at 2027-01-15T09:23:20Z');
    expect(router.floorUnixS).toBe(nowUnixS + 5000);
  });
  test('the lease ends with it: the last second is not given out, the clock being set back gives none', () => {
    router.clock = endUnixS - 100;
    router.run();
    expect(router.belief.lifeS).toBe(99);
    router.pass(40);
    router.clock = nowUnixS;
    router.run();
    expect(router.belief.lifeS).toBe(59);
    router.pass(60);
    expect(router.run()).toMatch(/^the map of epoch 7 expired at /);
  });
});

describe('a clock that is wrong at boot', () => {
  const wrong: [string, number][] = [
    ['1970', 1000],
    ['ten hours back', nowUnixS - 36_000],
    ['a year ahead', nowUnixS + yearS],
  ];
  describe.each(wrong)('%s', (_, clock) => {
    beforeEach(() => router.reboot(clock));
    test('believes no map and writes nothing; once NTP has set it, the map on flash is in force again', () => {
      const [writes, floors] = [router.store.writes(), router.belief.floors];
      expect(router.run()).toEqual(expect.any(String));
      expect([router.belief.clock, router.belief.refusals.last]).toEqual(['unknown', undefined]);
      router.ntp(nowUnixS + 60);
      expect([router.run(), router.belief.clock]).toEqual([7, 'ntp']);
      expect([router.store.writes(), router.belief.floors]).toEqual([writes, floors]);
    });
    test('once a hand has set it, too', () => {
      router.run();
      router.clock = nowUnixS + 60;
      expect([router.run(), router.belief.clock]).toEqual([7, 'signed']);
    });
    test('a newer map that came meanwhile is taken then, an older one is refused then', () => {
      router.hear(mapOf({ epoch: 8, issuedUnixS: nowUnixS }));
      expect([router.run(), router.belief.floors.epoch]).toEqual([expect.any(String), 7]);
      router.ntp(nowUnixS + 60);
      expect(router.run()).toBe(8);
      router.reboot(clock);
      router.hear(good);
      expect([router.run(), router.belief.floors.epoch]).toEqual([expect.any(String), 8]);
      router.ntp(nowUnixS + 120);
      router.run();
      expect(router.belief.refusals.counts.rollback).toBe(1);
    });
    test('a root that came meanwhile does not cost the map on flash', () => {
      router.belief.receive({ topic: topics.root(network, 2), payload: signedRoot(rootOf({ version: 2 })) });
      router.run();
      router.reboot(nowUnixS + 60);
      expect([router.run(), router.belief.floors.rootVersion]).toEqual([7, 2]);
    });
  });
  test('a year ahead while a map is in force: blocked, nothing on flash, and in force again when it is put right', () => {
    router.run();
    const floor = router.floorUnixS;
    router.clock = nowUnixS + yearS;
    expect([router.run(), router.belief.clock]).toEqual([
      expect.stringMatching(/expired at .* NTP has not/),
      'unknown',
    ]);
    router.clock = nowUnixS + 10;
    expect([router.run(), router.floorUnixS]).toEqual([7, floor]);
  });
});

describe('a clock that is set back', () => {
  test('after NTP has seen the map end, revives nothing, here or after a reboot, whoever says so', () => {
    router.ntp(endUnixS + 10);
    expect(router.run()).toMatch(/expired/);
    expect(router.floorUnixS).toBe(endUnixS + 10);
    router.clock = nowUnixS;
    expect([router.run(), router.belief.clock]).toEqual([expect.stringContaining('expired'), 'ntp']);
    router.reboot(nowUnixS);
    expect([router.run(), router.belief.clock]).toEqual([expect.stringMatching(/^the clock is behind/), 'unknown']);
    router.ntp(nowUnixS);
    expect(router.run()).toMatch(/expired/);
  });
  test('the same, where the map had ended while the router was off, not a day after it was signed', () => {
    router.hear(mapOf({ epoch: 8, issuedUnixS: nowUnixS, expiresUnixS: nowUnixS + 3600 }));
    router.reboot(1000);
    router.ntp(nowUnixS + 3700);
    expect(router.run()).toMatch(/^expired: /);
    expect(router.belief.refusals.counts.expired).toBe(1);
    router.reboot(nowUnixS);
    expect(router.run()).toMatch(/^the clock is behind/);
  });
  test('a map that came after the end opens it again', () => {
    router.ntp(endUnixS + 10);
    router.run();
    router.hear(mapOf({ epoch: 8, issuedUnixS: endUnixS, expiresUnixS: endUnixS + dayS }));
    expect(router.run()).toBe(8);
  });
  test('behind what was signed, believes nothing', () => {
    router.clock = endUnixS + dayS;
    router.hear(mapOf({ epoch: 8, issuedUnixS: router.clock - 10, expiresUnixS: router.clock + 3600 }));
    expect(router.run()).toBe(8);
    router.clock = nowUnixS;
    expect(router.run()).toMatch(/^the clock is behind/);
  });
  test('by less than the skew is good enough', () => {
    router.clock = nowUnixS - 160;
    expect(router.run()).toBe(7);
  });
});

describe('what of it reaches flash', () => {
  test("NTP's time does once a day, and with what is written anyway", () => {
    const writes = router.store.writes();
    router.ntp(nowUnixS);
    for (let hours = 0; hours < 72; hours += 1) {
      router.pass(3600);
      router.run();
    }
    expect(router.store.writes() - writes).toBe(3);
    router.hear(mapOf({ epoch: 8 }));
    expect(router.floorUnixS).toBe(nowUnixS + 3 * dayS);
    expect(router.store.writes() - writes).toBe(4);
  });
  test('a clock that nobody vouches for never does', () => {
    router.clock = nowUnixS + 13 * dayS;
    router.run();
    router.hear(mapOf({ epoch: 8 }));
    expect([router.run(), router.floorUnixS]).toEqual([8, nowUnixS - 60]);
  });
  test('an expired map that a broker says a hundred times is one write', () => {
    router.ntp(endUnixS + 10);
    router.run();
    const writes = router.store.writes();
    for (let times = 0; times < 100; times += 1) {
      router.hear(good);
      router.pass(1);
      router.run();
    }
    expect(router.store.writes()).toBe(writes);
  });
  test('a flash that is full does not open what has ended, says so, and takes the time later', () => {
    const commit = router.store.commit.bind(router.store);
    router.store.commit = () => {
      throw new Error('ENOSPC');
    };
    router.ntp(endUnixS + 10);
    expect(router.run()).toMatch(/expired/);
    router.clock = nowUnixS;
    expect(router.run()).toMatch(/expired/);
    expect(router.said.at(-1)).toBe('the time could not be written to flash: ENOSPC');
    router.store.commit = commit;
    router.run();
    expect(router.floorUnixS).toBe(endUnixS + 10);
  });
});
