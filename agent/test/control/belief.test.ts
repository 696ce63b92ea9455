/** What a router comes to believe, message by message, with a store on a real file system. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Belief } from '../../src/control/belief.ts';
import type { Store } from '../../src/control/ports.ts';
import { Time } from '../../src/control/time.ts';
import { openFlash } from '../../src/drivers/flash.ts';
import { firstFloors } from '../../src/trust/floors.ts';
import { topics } from '../../src/trust/topics.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { digestOf } from '../../src/trust/words.ts';
import {
  content,
  dayS,
  home,
  laptop,
  mapOf,
  network,
  nowUnixS,
  owner,
  partsOf,
  rootOf,
  secondMapSigner,
  secondOwner,
  signedRoot,
  stranger,
  type SignedMap,
} from '../trust/network.ts';

const root = rootOf();
let folder: string;
let store: Store;
let clock: number;
let belief: Belief;
const restart = (): Belief => {
  const stored = store.read();
  if (stored === undefined) throw new Error('wanted floors');
  belief = new Belief(
    network,
    store,
    stored.floors,
    new Time(
      () => clock,
      () => 0,
    ),
  );
  return belief;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-belief-'));
  store = openFlash(folder);
  clock = nowUnixS;
  const pinned = firstFloors({ version: 1, digest: digestOf(encodeRoot(root)) }, nowUnixS - dayS);
  store.commit({ floors: pinned }, new Map(), []);
  restart();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const send = (topic: string, payload: Uint8Array): boolean => belief.receive({ topic, payload });
const sendRoot = (version: number, payload: Uint8Array): boolean => send(topics.root(network, version), payload);
const sendMap = ({ envelope }: SignedMap): boolean => send(topics.map(network), envelope);
const sendParts = ({ parts }: SignedMap): void => {
  for (const part of Object.values(parts)) send(topics.part(network, digestOf(part)), part);
};
const sendAll = (signed: SignedMap): void => {
  sendMap(signed);
  sendParts(signed);
};
const epoch = (): number | string => {
  belief.wake(() => undefined);
  const map = belief.current();
  return typeof map === 'string' ? map : map.epoch;
};
const good = mapOf();

describe('the way to a map', () => {
  test('the pinned root, then the map, then its parts; each topic is wanted in its turn', () => {
    expect(belief.wantedTopics()).toEqual([topics.map(network), topics.root(network, 1)]);
    sendRoot(1, signedRoot(root));
    expect(belief.wantedTopics()).toEqual([topics.map(network), topics.root(network, 2)]);
    sendMap(good);
    expect(epoch()).toMatch(/^part-missing: /);
    const wanted = Object.values(good.parts).map((part) => topics.part(network, digestOf(part)));
    expect(belief.wantedTopics().slice(2)).toEqual(wanted);
    sendParts(good);
    expect(epoch()).toBe(7);
    expect(belief.wantedTopics()).toHaveLength(2);
    expect(belief.refusals.last).toBeUndefined();
  });
  test('nothing is to be done before the last part is here', () => {
    sendRoot(1, signedRoot(root));
    expect(sendMap(good)).toBe(false);
    const parts = Object.values(good.parts).map((part) => send(topics.part(network, digestOf(part)), part));
    expect(parts).toEqual([...parts.slice(1).map(() => false), true]);
    expect(sendMap(mapOf({ epoch: 6 })), 'a refusal, which changes nothing').toBe(false);
  });
  test('a map that came before its root waits for it', () => {
    sendMap(good);
    sendParts(good);
    sendRoot(1, signedRoot(root));
    sendParts(good);
    expect(epoch()).toBe(7);
  });
  test('the parts that did not change are not asked for again', () => {
    sendRoot(1, signedRoot(root));
    sendAll(good);
    const next = mapOf({ epoch: 8 }, partsOf({ ...content, members: [home, laptop] }));
    sendMap(next);
    expect(belief.wantedTopics().slice(2)).toEqual([
      topics.part(network, digestOf(next.parts['members'] ?? new Uint8Array())),
    ]);
    expect(epoch()).toBe(7);
    sendParts(next);
    expect(epoch()).toBe(8);
  });
  test('everything is on flash: a restart without a broker has the same map, and writes nothing', () => {
    sendRoot(1, signedRoot(root));
    sendAll(good);
    const writes = store.writes();
    restart();
    expect(epoch()).toBe(7);
    sendRoot(1, signedRoot(root));
    sendAll(good);
    expect(store.writes()).toBe(writes);
  });
});

describe('what a broker can do', () => {
  beforeEach(() => {
    sendRoot(1, signedRoot(root));
    sendAll(good);
  });
  test.each([
    ['an older map', () => sendMap(mapOf({ epoch: 6 })), 'rollback'],
    ['another map of this epoch', () => sendMap(mapOf({ expiresUnixS: nowUnixS + dayS })), 'fork'],
    ["a stranger's map", () => sendMap(mapOf({ epoch: 9 }, undefined, [stranger])), 'too-few-signers'],
    ['garbage as a map', () => send(topics.map(network), Buffer.from('garbage')), 'malformed'],
    ['a megabyte as a map', () => send(topics.map(network), Buffer.alloc(1 << 20, 0x20)), 'too-large'],
    ['garbage as the next root', () => sendRoot(2, Buffer.from('{}')), 'malformed'],
    ["a stranger's root", () => sendRoot(2, signedRoot(rootOf({ version: 2 }), [stranger])), 'too-few-signers'],
    ['a root that skips a version', () => sendRoot(2, signedRoot(rootOf({ version: 3 }))), 'unknown-version'],
    [
      'a map of the future',
      () => sendMap(mapOf({ epoch: 9, issuedUnixS: nowUnixS + dayS, expiresUnixS: nowUnixS + 2 * dayS })),
      'not-yet',
    ],
  ])('%s changes nothing and is counted', (_, attack, reason) => {
    const [writes, floors] = [store.writes(), belief.floors];
    attack();
    expect(epoch()).toBe(7);
    expect(belief.floors).toEqual(floors);
    expect(store.writes()).toBe(writes);
    expect(belief.refusals.last?.refused).toBe(reason);
    expect(Object.values(belief.refusals.counts).reduce((sum, count) => sum + count)).toBe(1);
  });
  test('clearing the retained map, parts of nobody and topics of no meaning change nothing and count for nothing', () => {
    send(topics.map(network), new Uint8Array());
    send(topics.part(network, digestOf(Buffer.from('x'))), Buffer.from('x'));
    send('rustynet/1/other/map', good.envelope);
    send('x', good.envelope);
    expect(epoch()).toBe(7);
    expect(belief.refusals.last).toBeUndefined();
  });
  test('bytes of another part under a wanted topic are not taken; the right ones still are', () => {
    const next = mapOf({ epoch: 8 }, partsOf({ ...content, members: [home, laptop] }));
    sendMap(next);
    const wanted = digestOf(next.parts['members'] ?? new Uint8Array());
    send(topics.part(network, wanted), partsOf(content)['members'] ?? new Uint8Array());
    expect(epoch()).toBe(7);
    sendParts(next);
    expect(epoch()).toBe(8);
  });
  test('a refusal that is held is counted once, however often it is asked', () => {
    const early = mapOf({ epoch: 9, issuedUnixS: nowUnixS + 500 });
    sendMap(early);
    for (let times = 0; times < 5; times += 1) epoch();
    expect(belief.refusals.counts['not-yet']).toBe(1);
  });
});

describe('roots', () => {
  const rotated = rootOf({ version: 2, map: { keys: [secondMapSigner.key], threshold: 1 } });
  beforeEach(() => {
    sendRoot(1, signedRoot(root));
    sendAll(good);
  });
  test('a root with the same map keys keeps the map, also across a restart', () => {
    sendRoot(2, signedRoot(rootOf({ version: 2 })));
    expect(epoch()).toBe(7);
    expect(restart().floors.rootVersion).toBe(2);
    expect(epoch()).toBe(7);
  });
  test('a root with other map keys ends the map of the old ones, and a restart does not bring it back', () => {
    sendRoot(2, signedRoot(rotated));
    expect(epoch()).toMatch(/^(rollback|too-few-signers): /);
    restart();
    sendAll(good);
    expect(typeof epoch()).toBe('string');
  });
  test('then a map of the new keys is taken, whatever its epoch', () => {
    sendRoot(2, signedRoot(rotated));
    sendAll(mapOf({ epoch: 1, rootVersion: 2 }, undefined, [secondMapSigner]));
    expect(epoch()).toBe(1);
    restart();
    expect(epoch()).toBe(1);
  });
  test('a map of a root that has not come yet is taken once it comes', () => {
    sendAll(mapOf({ epoch: 8, rootVersion: 2 }, undefined, [secondMapSigner]));
    expect(epoch()).toBe(7);
    expect(belief.refusals.last?.refused).toBe('too-few-signers');
    sendRoot(2, signedRoot(rotated));
    sendAll(mapOf({ epoch: 8, rootVersion: 2 }, undefined, [secondMapSigner]));
    expect(epoch()).toBe(8);
  });
  test('a map that the broker sent before the roots that know its keys is taken once they come', () => {
    sendAll(mapOf({ epoch: 8, rootVersion: 3 }, undefined, [secondMapSigner]));
    expect(epoch()).toBe(7);
    sendRoot(2, signedRoot(rootOf({ version: 2 })));
    expect(epoch()).toBe(7);
    sendRoot(3, signedRoot({ ...rotated, version: 3 }));
    sendParts(good);
    expect(epoch()).toBe(8);
  });
  test('a root that comes while the next map waits for its parts costs neither the map in force nor the next', () => {
    const next = mapOf({ epoch: 8 }, partsOf({ ...content, members: [home, laptop] }));
    sendMap(next);
    sendRoot(2, signedRoot(rootOf({ version: 2 })));
    expect(epoch()).toBe(7);
    sendParts(next);
    expect(epoch()).toBe(8);
  });
  test("a stranger's map before a root does not cost the map in force", () => {
    sendMap(mapOf({ epoch: 9 }, undefined, [stranger]));
    sendRoot(2, signedRoot(rootOf({ version: 2 })));
    expect(epoch()).toBe(7);
  });
  test('owners change in two steps, and the first ones alone can no longer sign', () => {
    sendRoot(
      2,
      signedRoot(rootOf({ version: 2, root: { keys: [secondOwner.key], threshold: 1 } }), [owner, secondOwner]),
    );
    sendRoot(3, signedRoot(rootOf({ version: 3 }), [owner]));
    expect(belief.refusals.last?.refused).toBe('too-few-signers');
    expect(belief.floors.rootVersion).toBe(2);
  });
});

describe('a flash that takes nothing', () => {
  const full = (): void => {
    throw new Error('ENOSPC');
  };
  test('the part that completed a map completes it again, once there is room', () => {
    sendRoot(1, signedRoot(root));
    sendMap(good);
    const [first, ...rest] = Object.values(good.parts).map((part) => ({
      topic: topics.part(network, digestOf(part)),
      payload: part,
    }));
    for (const message of rest) belief.receive(message);
    const commit = store.commit.bind(store);
    store.commit = full;
    expect(() => first && belief.receive(first)).toThrow('ENOSPC');
    expect(epoch()).toBe('what came could not be written to flash: ENOSPC');
    store.commit = commit;
    expect(first && belief.receive(first)).toBe(true);
    expect(epoch()).toBe(7);
  });
  test('a later map that it completes is taken when the part is given again, and not forgotten for the older one', () => {
    sendRoot(1, signedRoot(root));
    sendAll(good);
    const next = mapOf({ epoch: 8 }, partsOf({ ...content, members: [home, laptop] }));
    sendMap(next);
    const commit = store.commit.bind(store);
    store.commit = full;
    expect(() => sendParts(next)).toThrow('ENOSPC');
    store.commit = commit;
    sendParts(next);
    expect(epoch()).toBe(8);
  });
});
