/** A part that did not change is not read again, and everything else is. */
import { expect, test } from 'vitest';
import { verifyMap, type VerifiedManifest } from '../../src/trust/map.ts';
import { completeMap } from '../../src/trust/parts.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import type { IdentityKey, VerifiedMap } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { content, home, laptop, mapOf, noFloors, nowUnixS, partsOf, rootOf, type SignedMap } from './network.ts';

function manifestOf(signed: SignedMap): VerifiedManifest {
  const manifest = verifyMap(signed.envelope, rootOf(), noFloors, nowUnixS);
  if (isRefusal(manifest)) throw new Error(manifest.detail);
  return manifest;
}

function completed(signed: SignedMap, known?: VerifiedMap): VerifiedMap {
  const manifest = manifestOf(signed);
  const parts = new Map(Object.values(signed.parts).map((bytes) => [digestOf(bytes), bytes]));
  const map = completeMap(manifest, (digest) => parts.get(digest), known);
  if (isRefusal(map)) throw new Error(map.detail);
  return map;
}

const before = completed(mapOf());
const renamed = mapOf({ epoch: 8 }, partsOf({ ...content, zone: 'other.internal' }));

test('a map with the same members has those of the map before, and all else as it is read', () => {
  const after = completed(renamed, before);
  expect(after).toEqual(completed(renamed));
  expect(after.members[0]).toBe(before.members[0]);
  expect(after.names.zone).toBe('other.internal');
});

test('other members are read, whatever the map before had', () => {
  const fewer = mapOf({ epoch: 8 }, partsOf({ ...content, members: [home, laptop] }));
  expect(completed(fewer, before)).toEqual(completed(fewer));
  expect(completed(fewer, before).members).toHaveLength(2);
});

test('what the map before has is not asked for, and all else is', () => {
  const manifest = manifestOf(renamed);
  const asked: string[] = [];
  const names = renamed.parts['names'] ?? new Uint8Array();
  const map = completeMap(manifest, (digest) => (asked.push(digest), names), before);
  expect(asked).toEqual([digestOf(names)]);
  expect(map).toEqual(completed(renamed));
  expect(completeMap(manifest, () => undefined)).toMatchObject({ refused: 'part-missing' });
});

test('another policy is read, and names that did not change are those of the map before', () => {
  const closed = mapOf({ epoch: 8 }, partsOf({ ...content, policy: { ...content.policy, rules: [] } }));
  const after = completed(closed, before);
  expect(after.policy.rules).toEqual([]);
  expect(after.names).toBe(before.names);
});

test('a part that is not the one that the manifest names is refused', () => {
  const manifest = manifestOf(renamed);
  expect(completeMap(manifest, () => new Uint8Array(3), before)).toMatchObject({ refused: 'part-mismatch' });
  expect(completeMap(manifest, () => undefined, before)).toMatchObject({ refused: 'part-missing' });
});

test('keys that the map before has are taken, and no other key that is none', () => {
  const bent = { ...laptop, identityKey: 'ff'.repeat(32) as IdentityKey };
  const signed = mapOf({ epoch: 8 }, partsOf({ ...content, members: [home, bent] }));
  const parts = new Map(Object.values(signed.parts).map((bytes) => [digestOf(bytes), bytes]));
  const refused = completeMap(manifestOf(signed), (digest) => parts.get(digest), before);
  expect(refused).toMatchObject({ refused: 'malformed' });
});
