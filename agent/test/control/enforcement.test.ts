/** What does not wait for a look at everything: what a map takes back, and tables of ours that somebody took away. */
import { describe, expect, test } from 'vitest';
import { Enforcement, type Wish } from '../../src/control/enforcement.ts';
import { compile } from '../../src/policy/compile.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { mirror } from '../plan/mirror.ts';
import { home, laptop, nowUnixS } from '../trust/network.ts';
import { worldOf } from './world-of.ts';

const wishOf = (...rules: unknown[]): Wish => ({
  desired: compile(believed(rules), laptop.id, choices),
  subject: JSON.stringify(rules),
  lifeS: () => 1000,
});
const all = wishOf(rule('any', 'any'));
const less = wishOf(rule('member:laptop', 'member:home', 'tcp:22'));
const [before, after] = [mirror(all.desired), mirror(less.desired)];
const isAnew = (script: string): boolean => script.startsWith('add table inet rustynet\n');

/** A router under `all`; what its kernel is told from then on, and whole looks at it, in their order. */
class Watched {
  readonly order: string[] = [];
  guard = before.guard;
  refusals = 0;
  isBlind = false;
  shownPeers = before.device?.peers ?? [];
  readonly enforcement: Enforcement;

  constructor() {
    const world = worldOf(before, (script) => this.#nft(script));
    world.firewall.table = (name) => Promise.resolve(name === 'inet rustynet' ? this.guard : undefined);
    world.routing.look = () => {
      if (this.isBlind) return Promise.reject(new Error('ip said no'));
      this.order.push('look');
      return Promise.resolve(after.routing);
    };
    world.wireGuard.device = () => Promise.resolve(before.device && { ...before.device, peers: this.shownPeers });
    world.wireGuard.setPeers = () => Promise.resolve(void this.order.push('set peers'));
    world.wireGuard.greetPeers = () => Promise.resolve(void this.order.push('greet peers'));
    world.wireGuard.configure = () => Promise.resolve(void this.order.push('configure'));
    world.wireGuard.removePeers = () => Promise.resolve(void this.order.push('remove peer'));
    const clocks = { clockUnixS: () => nowUnixS, monotonicS: () => 0 };
    this.enforcement = new Enforcement(world, clocks, (line) => this.order.push(line.replace(/:.* failed: /, ': ')));
  }

  #nft(script: string): void {
    if (!isAnew(script) && !script.includes(' element inet rustynet grants')) return;
    this.order.push(isAnew(script) ? 'table' : 'grants');
    this.refusals -= 1;
    if (this.refusals >= 0) throw new Error('nft said no');
    this.guard = isAnew(script) ? before.guard : after.guard;
  }

  async run(wish: Wish): Promise<string[]> {
    this.order.length = 0;
    await this.enforcement.hurry(wish);
    await this.enforcement.run(wish, undefined);
    return this.order;
  }
}

describe('what a new map takes back', () => {
  test('goes before anything is looked at, and is told as a step', async () => {
    const router = new Watched();
    await router.run(all);
    expect(await router.run(less)).toEqual(['grants', 'remove peer', 'look', 'remove peer', 'look']);
    expect(router.enforcement.outcome?.steps[0]).toMatch(/^routing: |^grants: /);
  });
  test('goes after the look where nothing was seen yet', async () => {
    expect(await new Watched().run(less)).toEqual(['look', 'grants', 'remove peer', 'look']);
  });
  test('goes after the look where the last one failed', async () => {
    const router = new Watched();
    await router.run(all);
    router.isBlind = true;
    await router.run(all);
    router.isBlind = false;
    expect((await router.run(less))[0]).toBe('look');
  });
  test('is tried again after the look where the kernel refuses it', async () => {
    const router = new Watched();
    await router.run(all);
    router.refusals = 2;
    const refused = ['grants', 'table', 'grants: nft said no', 'remove peer'];
    expect(await router.run(less)).toEqual([...refused, 'look', 'grants', 'remove peer', 'look']);
  });
});

test('what may live a shorter time than the lease has left shortens it before it is granted', async () => {
  const told: string[] = [];
  let guard = before.guard;
  const world = worldOf(before, (script) => {
    const timeoutS = /^add element inet rustynet lease .*timeout (\d+)s \}\n$/s.exec(script)?.[1];
    if (timeoutS !== undefined) told.push(`lease ${timeoutS}`);
    if (script.includes(' element inet rustynet grants')) told.push('grants');
    if (script.includes(' element inet rustynet grants')) guard = after.guard;
  });
  world.firewall.table = (name) => Promise.resolve(name === 'inet rustynet' ? guard : undefined);
  const enforcement = new Enforcement(world, { clockUnixS: () => nowUnixS, monotonicS: () => 0 }, () => undefined);
  for (const wish of [all, { ...less, lifeS: () => 60 }]) {
    await enforcement.hurry(wish);
    await enforcement.run(wish, undefined);
  }
  expect(told.slice(0, 3)).toEqual(['lease 600', 'lease 60', 'grants']);
});

describe('a table of ours that is gone', () => {
  test('is put back before anything else is looked at', async () => {
    const router = new Watched();
    await router.run(all);
    router.guard = undefined;
    router.enforcement.tablesChanged();
    expect((await router.run(all)).slice(0, 2)).toEqual(['table', 'look']);
  });
  test("is left as it is where it is there: the word was of another's, or of our own doing", async () => {
    const router = new Watched();
    await router.run(all);
    router.enforcement.tablesChanged();
    expect(await router.run(all)).not.toContain('table');
  });
  test('without such a word nothing goes before the look', async () => {
    const router = new Watched();
    await router.run(all);
    router.guard = undefined;
    expect((await router.run(all))[0]).toBe('look');
  });
});

test('where the time went is of the last run with something to do, not of those that only look', async () => {
  let [nowS, guard] = [0, after.guard];
  const world = worldOf(after, () => {
    nowS += 2;
    guard = after.guard;
  });
  world.firewall.table = (name) => Promise.resolve(name === 'inet rustynet' ? guard : undefined);
  const clocks = { clockUnixS: () => nowUnixS, monotonicS: () => nowS };
  const enforcement = new Enforcement(world, clocks, () => undefined);
  const run = async (): Promise<unknown> => {
    await enforcement.hurry(less);
    await enforcement.run(less, undefined);
    return enforcement.changeMs;
  };
  expect(await run()).toEqual({});
  guard = undefined;
  const parts = { 'take back': 0, settle: 0, look: 0, plan: 0, apply: 2000, 'look again': 0, prove: 0, lease: 2000 };
  expect(await run()).toEqual(parts);
  nowS += 1;
  expect(await run()).toEqual(parts);
  expect(enforcement.outcome?.steps).toEqual([]);
});

describe('a map with another key', () => {
  test('of a peer: it takes its place before the look, after the lead that the one who changes it has', async () => {
    const router = new Watched();
    router.shownPeers = router.shownPeers.map((peer, at) => (at === 0 ? { ...peer, publicKey: 'old' } : peer));
    await router.run(all);
    const beganMs = performance.now();
    const order = await router.run({ ...all, subject: 'with another key' });
    expect(order.slice(0, 4)).toEqual(['set peers', 'greet peers', 'remove peer', 'look']);
    expect(performance.now() - beganMs).toBeGreaterThan(490);
  });
  test('of this router itself: it is in use before the look, without a lead', async () => {
    const router = new Watched();
    await router.run(all);
    const desired = { ...all.desired, publicKey: home.wireGuardKey };
    const beganMs = performance.now();
    expect((await router.run({ ...all, desired, subject: 'own' })).slice(0, 3)).toEqual([
      'configure',
      'greet peers',
      'look',
    ]);
    expect(performance.now() - beganMs).toBeLessThan(490);
  });
});
