import { describe, expect, test } from 'vitest';
import { advanceMap, advanceRoot, advanceTime, firstFloors } from '../../src/trust/floors.ts';
import { maxVersion } from '../../src/trust/limits.ts';
import { verifyMap, type VerifiedManifest } from '../../src/trust/map.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { verifyNextRoot, verifyPinnedRoot, type VerifiedRoot } from '../../src/trust/root.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import type { Refusal } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { mapOf, mapSigner, network, nowUnixS, rootOf, secondMapSigner, signedRoot } from './network.ts';

function believed<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) throw new Error(`wanted belief, got ${value.refused}: ${value.detail}`);
  return value;
}
const root: VerifiedRoot = believed(verifyPinnedRoot(signedRoot(rootOf()), digestOf(encodeRoot(rootOf())), network));
const manifest = (epoch: number): VerifiedManifest =>
  believed(verifyMap(mapOf({ epoch }).envelope, root, firstFloors(root, 0), nowUnixS));
const next = (over: Parameters<typeof rootOf>[0]): VerifiedRoot =>
  believed(verifyNextRoot(root, signedRoot(rootOf({ version: 2, ...over }))));

describe('floors', () => {
  const seen = advanceMap(firstFloors(root, nowUnixS - 1000), manifest(7));

  test('after a map: its epoch, its digest, its issue time', () => {
    expect(seen).toEqual({
      ...firstFloors(root, nowUnixS - 60),
      epoch: 7,
      mapDigest: manifest(7).digest,
    });
  });
  test('the map before is then a rollback, another of this epoch a fork, the next is taken', () => {
    const outcome = (epoch: number, expires = 0): unknown => {
      const { envelope } = mapOf({ epoch, expiresUnixS: nowUnixS + 86400 + expires });
      const got = verifyMap(envelope, root, seen, nowUnixS);
      return isRefusal(got) ? got.refused : 'accepted';
    };
    expect([outcome(6), outcome(7, 1), outcome(8)]).toEqual(['rollback', 'fork', 'accepted']);
  });
  test('time only rises', () => {
    expect(advanceTime(seen, seen.timeUnixS - 1).timeUnixS).toBe(seen.timeUnixS);
    expect(advanceTime(seen, seen.timeUnixS + 1).timeUnixS).toBe(seen.timeUnixS + 1);
  });
  test('a root that keeps the map keys keeps epoch and digest', () => {
    expect(advanceRoot(seen, root, next({}))).toEqual({ ...seen, rootVersion: 2, rootDigest: next({}).digest });
  });
  test('a root with the same map keys in another order keeps them too', () => {
    const both = { keys: [mapSigner.key, secondMapSigner.key], threshold: 1 };
    const turned = { keys: [secondMapSigner.key, mapSigner.key], threshold: 1 };
    expect(advanceRoot(seen, { ...root, map: both }, next({ map: turned })).epoch).toBe(7);
  });
  test('a root with other map keys starts the count again, and refuses maps of the older root', () => {
    const rotated = next({ map: { keys: [secondMapSigner.key], threshold: 1 } });
    const floors = advanceRoot(seen, root, rotated);
    expect(floors).toEqual({
      rootVersion: 2,
      rootDigest: rotated.digest,
      minMapRootVersion: 2,
      epoch: 0,
      timeUnixS: seen.timeUnixS,
    });
    const old = mapOf({ epoch: 9 }, undefined, [secondMapSigner]);
    expect(verifyMap(old.envelope, rotated, floors, nowUnixS)).toMatchObject({ refused: 'rollback' });
    const fresh = mapOf({ epoch: 1, rootVersion: 2 }, undefined, [secondMapSigner]);
    expect(verifyMap(fresh.envelope, rotated, floors, nowUnixS)).toMatchObject({ epoch: 1 });
  });
  test('an epoch as high as it goes shuts out every later map, until a root with other map keys begins a new count', () => {
    const highest = advanceMap(firstFloors(root, 0), manifest(maxVersion));
    expect(verifyMap(mapOf({ epoch: 8 }).envelope, root, highest, nowUnixS)).toMatchObject({ refused: 'rollback' });
    const kept = next({});
    const still = mapOf({ epoch: 8, rootVersion: 2 }).envelope;
    expect(verifyMap(still, kept, advanceRoot(highest, root, kept), nowUnixS)).toMatchObject({ refused: 'rollback' });
    const rotated = next({ map: { keys: [secondMapSigner.key], threshold: 1 } });
    const floors = advanceRoot(highest, root, rotated);
    const fresh = mapOf({ epoch: 1, rootVersion: 2 }, undefined, [secondMapSigner]).envelope;
    expect(verifyMap(fresh, rotated, floors, nowUnixS)).toMatchObject({ epoch: 1 });
    const again = mapOf({ epoch: maxVersion }).envelope;
    expect(verifyMap(again, rotated, floors, nowUnixS)).toMatchObject({ refused: 'too-few-signers' });
  });
});
