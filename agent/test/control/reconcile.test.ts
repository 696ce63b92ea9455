/** What a run still does when a step of it fails, and how long what it opened may last when its steps are slow. */
import { expect, test } from 'vitest';
import { reconcile } from '../../src/control/reconcile.ts';
import { compile } from '../../src/policy/compile.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { mirror } from '../plan/mirror.ts';
import { home, laptop, nowUnixS, office } from '../trust/network.ts';
import { worldOf } from './world-of.ts';

test('with nft refusing the grants, the removed peer goes all the same, nothing new comes, and no lease is given', async () => {
  const before = mirror(compile(believed([rule('any', 'any')]), laptop.id, choices));
  const known = before.device?.peers.filter(({ publicKey }) => publicKey !== home.wireGuardKey) ?? [];
  const device = { publicKey: laptop.wireGuardKey, listenPort: choices.listenPort, mark: 0x02000000, peers: known };
  const done: string[] = [];
  const refuse = (script: string): void => {
    if (!script.startsWith('add element inet rustynet lease ')) throw new Error('nft said no');
    done.push('lease');
  };
  const world = worldOf({ ...before, device }, refuse, done);
  const desired = compile(believed([rule('member:laptop', 'member:home', 'tcp:22')]), laptop.id, choices);
  const said: string[] = [];
  const outcome = await reconcile(
    world,
    desired,
    { clockUnixS: () => nowUnixS, monotonicS: () => 0, lifeS: () => 1000 },
    (line) => said.push(line),
  );
  expect(done).toEqual([`remove ${office.wireGuardKey}`]);
  expect(said).toEqual([expect.stringMatching(/^grants: .* failed: nft said no$/)]);
  expect(outcome.leaseS).toBe(0);
});

test('with nft refusing the difference, the table is made anew, closed, and what was to be revoked is gone', async () => {
  const before = mirror(compile(believed([rule('any', 'any')]), laptop.id, choices));
  const done: string[] = [];
  const world = worldOf(before, (script) => {
    if (script.startsWith('add table inet rustynet\ndelete table inet rustynet\n')) done.push('anew');
    else if (script.includes(' element inet rustynet grants')) throw new Error('nft said no');
  });
  const desired = compile(believed([rule('member:laptop', 'member:home', 'tcp:22')]), laptop.id, choices);
  const said: string[] = [];
  const clocks = { clockUnixS: () => nowUnixS, monotonicS: () => 0, lifeS: () => 1000 };
  const outcome = await reconcile(world, desired, clocks, (line) => said.push(line));
  expect([done, said]).toEqual([['anew'], []]);
  // This kernel goes on to show the old grants: no lease.
  expect(outcome.leaseS).toBe(0);
});

test.each<[string, number]>([
  ['at once', 0],
  ['two seconds', 2],
  ['thirty seconds', 30],
  ['longer than the map lives', 200],
])('where nft takes %s, the kernel closes no later than the map ends', async (_, slowS) => {
  const desired = compile(believed([rule('any', 'any')]), laptop.id, choices);
  let [passedS, endsS] = [0, 0];
  const kernel = mirror(desired);
  const world = worldOf(kernel, (script) => {
    passedS += slowS;
    const [, timeoutS] = /timeout (\d+)s \}\n$/.exec(script) ?? [];
    endsS = timeoutS === undefined ? 0 : passedS + Number(timeoutS);
  });
  const lifeS = (): number => 100 - passedS;
  const outcome = await reconcile(
    world,
    desired,
    { clockUnixS: () => nowUnixS, monotonicS: () => 0, lifeS },
    () => undefined,
  );
  expect(outcome.proof).toEqual({ guard: [], rest: [] });
  expect(endsS).toBeLessThanOrEqual(100);
  expect(endsS > 0).toBe(slowS < 50);
});

test.each<[string, number, string[]]>([
  ['as long as is wanted, to the second, and by a part of one perhaps longer', 100, ['100']],
  ['a second less than is wanted', 99, []],
  ['a second more than half', 51, []],
  ['half', 50, ['100']],
  ['longer than the map lives: at once, and with the proof', 600, ['100', '100']],
])('a lease of %s: %i s left of 100 that are wanted; renewed to %j', async (_, expiresS, renewed) => {
  const desired = compile(believed([rule('any', 'any')]), laptop.id, choices);
  const kernel = mirror(desired);
  if (kernel.guard === undefined) throw new Error('wanted a kernel with a guard');
  const guard = { ...kernel.guard, expiresS: new Map([[`lease ${desired.interface}`, expiresS]]) };
  const granted: string[] = [];
  const world = worldOf({ ...kernel, guard }, (script) => {
    if (script.startsWith('add element inet rustynet lease '))
      granted.push(/timeout (\d+)s \}\n$/.exec(script)?.[1] ?? '');
  });
  const clocks = { clockUnixS: () => nowUnixS, monotonicS: () => 0, lifeS: () => 100 };
  const outcome = await reconcile(world, desired, clocks, () => undefined);
  expect([granted, outcome.leaseS]).toEqual([renewed, renewed.length === 0 ? expiresS : 100]);
});

test.each([
  ['a plan that did not get through', 30, ['30'], 30],
  ['a plan that did not get through, of a map that lives long enough', 1000, [], 590],
])('a lease does not outlive what is desired after %s: %i s', async (_, livesS, granted, leftS) => {
  const desired = compile(believed([rule('any', 'any')]), laptop.id, choices);
  const kernel = mirror(desired);
  if (kernel.guard === undefined || kernel.link === undefined)
    throw new Error('wanted a kernel with a guard and a link');
  const guard = { ...kernel.guard, expiresS: new Map([[`lease ${desired.interface}`, 590]]) };
  const seen: string[] = [];
  const world = worldOf({ ...kernel, guard, link: { ...kernel.link, routes: [] } }, (script) => {
    if (script.startsWith('add element inet rustynet lease '))
      seen.push(/timeout (\d+)s \}\n$/.exec(script)?.[1] ?? '');
  });
  const clocks = { clockUnixS: () => nowUnixS, monotonicS: () => 0, lifeS: () => livesS };
  const outcome = await reconcile(world, { ...desired, leaseS: 600 }, clocks, () => undefined);
  expect(outcome.proof.rest).not.toEqual([]);
  expect([seen, outcome.leaseS]).toEqual([granted, leftS]);
});

test('it says where its time went: each part of a run, and what nft took of it', async () => {
  const before = mirror(compile(believed([rule('any', 'any')]), laptop.id, choices));
  let [nowS, scripts] = [0, 0];
  const world = worldOf(before, () => {
    nowS += 2;
    scripts += 1;
  });
  const desired = compile(believed([rule('member:laptop', 'member:home', 'tcp:22')]), laptop.id, choices);
  const clocks = { clockUnixS: () => nowUnixS, monotonicS: () => nowS, lifeS: () => 1000 };
  const { tookMs } = await reconcile(world, desired, clocks, () => undefined);
  expect(scripts).toBeGreaterThan(0);
  expect(tookMs).toEqual({ look: 0, plan: 0, apply: 2000 * scripts, 'look again': 0, prove: 0, lease: 0 });
});
