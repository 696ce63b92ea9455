/** What routers come to believe of new roots: the agent's own belief, fed with what publish would send. */
import { beforeAll, describe, expect, it } from 'vitest';
import { topics } from '../../src/trust/topics.ts';
import { copyOf, dayS, done, json, nowUnixS, populated } from './operator.ts';
import { joined, published, type Router } from './router-of-folder.ts';

const rotate = ['root', 'rotate', '--work-factor', '15'];
let signed = '';
beforeAll(async () => {
  signed = await populated();
  await done(signed, ['sign']);
});

async function believer(folder: string, clockUnixS?: () => number): Promise<Router> {
  const router = await joined(folder, clockUnixS);
  router.hear(published(folder));
  expect(router.epoch()).toBe(1);
  return router;
}

describe('a router that has root 1 and a map', () => {
  it('walks to renewed roots with the map that it has, and takes the next', async () => {
    const folder = copyOf(signed);
    const router = await believer(folder);
    await done(folder, ['root', 'renew', '--root-lifetime', '400d']);
    await done(folder, ['root', 'renew', '--root-lifetime', '500d']);
    router.hear(published(folder));
    expect({ root: router.belief.floors.rootVersion, epoch: router.epoch() }).toEqual({ root: 3, epoch: 1 });
    await done(folder, ['sign']);
    router.hear(published(folder));
    expect({ epoch: router.epoch(), last: router.belief.refusals.last }).toEqual({ epoch: 2, last: undefined });
  });

  it('closes when root 1 has ended, and opens with what is published after a renewal', async () => {
    const folder = copyOf(signed);
    let clock = nowUnixS;
    const router = await believer(folder, () => clock);
    clock = nowUnixS + 400 * dayS;
    expect(router.epoch()).toMatch(/expired/);
    await done(folder, ['root', 'renew'], { nowUnixS: clock });
    await done(folder, ['sign'], { nowUnixS: clock });
    router.hear(published(folder, clock));
    expect(router.epoch()).toBe(2);
  });

  it('walks to roots 2 and 3 with new map keys, takes the new map, and no map of a retired key, however new', async () => {
    const folder = copyOf(signed);
    const router = await believer(folder);
    const thief = copyOf(folder);
    await done(folder, [...rotate, '--map']);
    const second = copyOf(folder);
    await done(folder, [...rotate, '--map', '--root']);
    await done(folder, ['sign']);
    router.hear(published(folder));
    expect({ root: router.belief.floors.rootVersion, epoch: router.epoch() }).toEqual({ root: 3, epoch: 2 });
    for (const other of [thief, second]) {
      for (let times = 0; times < 4; times += 1) await done(other, ['sign']);
      const { network } = json(other, 'network.json');
      const forged = published(other).get(topics.map(network)) ?? new Uint8Array();
      router.belief.receive({ topic: topics.map(network), payload: forged });
      expect(router.belief.refusals.last?.refused).toBe('too-few-signers');
      expect(router.epoch()).toBe(2);
    }
    await done(folder, ['sign']);
    router.hear(published(folder));
    expect(router.epoch()).toBe(3);
  });

  it('refuses a root of an owner that was replaced', async () => {
    const folder = copyOf(signed);
    const router = await believer(folder);
    const thief = copyOf(folder);
    await done(folder, [...rotate, '--root']);
    router.hear(published(folder));
    expect({ root: router.belief.floors.rootVersion, epoch: router.epoch() }).toEqual({ root: 2, epoch: 1 });
    for (const days of [400, 500]) await done(thief, ['root', 'renew', '--root-lifetime', `${days}d`]);
    router.hear(published(thief));
    expect(router.belief.refusals.last?.refused).toBe('too-few-signers');
    expect({ root: router.belief.floors.rootVersion, epoch: router.epoch() }).toEqual({ root: 2, epoch: 1 });
  });
});

describe('an invite', () => {
  it('pins the newest root, from which a router takes the new map and walks on', async () => {
    const folder = copyOf(signed);
    await done(folder, [...rotate, '--map', '--root']);
    await done(folder, ['sign']);
    const router = await joined(folder);
    const { roots } = await done(folder, ['root', 'show']);
    expect(router.belief.floors).toMatchObject({ rootVersion: 2, rootDigest: roots[1].digest });
    router.hear(published(folder));
    expect(router.epoch()).toBe(2);
    await done(folder, [...rotate, '--map']);
    await done(folder, ['sign']);
    router.hear(published(folder));
    expect({ root: router.belief.floors.rootVersion, epoch: router.epoch() }).toEqual({ root: 3, epoch: 3 });
  });

  it('of root 1 that was handed over before two rotations still leads to the new map', async () => {
    const folder = copyOf(signed);
    const router = await joined(folder);
    for (const roles of [['--map'], ['--map', '--root']]) await done(folder, [...rotate, ...roles]);
    await done(folder, ['sign']);
    router.hear(published(folder));
    expect({ root: router.belief.floors.rootVersion, epoch: router.epoch() }).toEqual({ root: 3, epoch: 2 });
  });
});
