/** Whoever signs is shown what changes: no field of a map or a root can change without a word of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeChange,
  describeDifference,
  differenceBetween,
  differenceOf,
  type Draft,
} from '../../src/operator/difference.ts';
import { rootChanges } from '../../src/operator/root-difference.ts';
import type { Member, RoleKeys, Root } from '../../src/trust/types.ts';
import { memberOf, network, nowUnixS, signer } from '../trust/network.ts';

const some = (words: readonly string[]) => fc.shuffledSubarray([...words]);
const selectors = some(['any', 'member:a', 'tag:x', '192.168.1.0/24']);
const protocols = some(['any', 'icmp', 'tcp:22', 'udp:53-60']);
const member = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c'),
    key: fc.constantFrom('one', 'two', 'three'),
    over: fc.record({
      wireGuardKey: fc.constantFrom('K1', 'K2'),
      addresses: some(['10.7.0.1', '10.7.0.2', 'fd00::1']),
      subnets: some(['192.168.1.0/24', '192.168.2.0/24']),
      roles: some(['client', 'exit', 'relay']),
      tags: some(['x', 'y']),
      endpoints: some(['a.example:1', 'b.example:2']),
    }),
  })
  .map(({ name, key, over }) => memberOf(name, '', { identityKey: signer(key).key, ...(over as object) }));
const fields = {
  members: fc.uniqueArray(member, { selector: ({ name }) => name, maxLength: 3 }),
  rules: fc.array(fc.record({ from: selectors, to: selectors, protocols }), { maxLength: 2 }),
  exits: fc.array(fc.record({ from: selectors, via: selectors, protocols }), { maxLength: 2 }),
  ranges: some(['10.7.0.0/16', 'fd00::/48']),
  zone: fc.constantFrom('a.internal', 'b.internal'),
  resolvers: some(['1.1.1.1', '9.9.9.9']),
  lifetimeS: fc.constantFrom(3_600, 90_000, 90_060, 90_061),
  rootVersion: fc.integer({ min: 1, max: 3 }),
};
const draft = fc.record(fields) as unknown as fc.Arbitrary<Draft>;

const fieldOf = (key: string): fc.Arbitrary<Partial<Draft>> =>
  fields[key as keyof typeof fields].map((value) => ({ [key]: value }) as Partial<Draft>);
/** One with a field of another, or with a member of which a field is another. */
const near = (from: Draft): fc.Arbitrary<Draft> => {
  const [first, ...rest] = from.members;
  const own = [['id', 'identityKey'], ['wireGuardKey'], ['addresses'], ['subnets'], ['roles'], ['tags'], ['endpoints']];
  const changed = fc.tuple(member, fc.constantFrom(...own)).map(([other, keys]) => {
    return { ...first, ...Object.fromEntries(keys.map((key) => [key, other[key as keyof Member]])) } as Member;
  });
  const inMember = first === undefined ? [] : [changed.map((each) => ({ ...from, members: [each, ...rest] }))];
  const inField = fc.constantFrom(...Object.keys(fields)).chain(fieldOf);
  return fc.oneof(
    inField.map((field) => ({ ...from, ...field })),
    ...inMember,
  );
};
const pair = draft.chain((from) => fc.tuple(fc.constant(from), near(from)));

/** Rules only allow: their order, and one twice, mean nothing. */
function meaning({ members, rules, exits, ...rest }: Draft): string {
  const asSet = (values: readonly object[]): string[] =>
    [...new Set(values.map((each) => JSON.stringify(each)))].sort();
  const sorted = [...members].sort((left, right) => (left.name < right.name ? -1 : 1));
  const { ranges, zone, resolvers, lifetimeS, rootVersion } = rest;
  return JSON.stringify([sorted, asSet(rules), asSet(exits), ranges, zone, resolvers, lifetimeS, rootVersion]);
}
const shown = (before: Draft, next: Draft): string => describeDifference(differenceBetween(before, next)).join('\n');

describe('the difference of two maps', () => {
  it('is empty just where they mean the same', () => {
    fc.assert(fc.property(pair, ([from, to]) => (shown(from, to) === '') === (meaning(from) === meaning(to))));
  });

  it('says what every field becomes: two maps that differ do not look the same from a third', () => {
    fc.assert(
      fc.property(draft, pair, (from, [one, other]) => {
        return (shown(from, one) === shown(from, other)) === (meaning(one) === meaning(other));
      }),
      { numRuns: 500 },
    );
  });

  it('says all of a first map, but how long it holds and of which root it is', () => {
    const first = (next: Draft): string => describeDifference(differenceOf(undefined, next)).join('\n');
    const same = ({ lifetimeS, rootVersion }: Draft, draft: Draft): Draft => ({ ...draft, lifetimeS, rootVersion });
    fc.assert(
      fc.property(pair, ([one, other]) => {
        return (first(one) === first(other)) === (meaning(one) === meaning(same(one, other)));
      }),
    );
  });
});

describe('the difference of two roots', () => {
  const keysOf = (...names: string[]): RoleKeys => ({ keys: names.map((name) => signer(name).key), threshold: 1 });
  const root: Root = {
    ...{ network, version: 1, expiresUnixS: nowUnixS },
    root: keysOf('owner', 'bob'),
    map: keysOf('map', 'other map'),
  };
  const rows: readonly [what: string, over: Partial<Root>, shown: RegExp][] = [
    ['the end, by a second', { expiresUnixS: nowUnixS + 1 }, /^end .*:00 UTC => .*:01 UTC$/],
    ['an owner who comes', { root: keysOf('owner', 'bob', 'carol') }, /^root key none => [0-9a-f]{64}$/],
    ['an owner who goes', { root: keysOf('owner') }, /^root key [0-9a-f]{64} => none$/],
    [
      'how many owners must sign',
      { root: { ...root.root, threshold: 2 } },
      /^root keys that must sign 1 of 2 => 2 of 2$/,
    ],
    ['another map key', { map: keysOf('map', 'new') }, /^map key [0-9a-f]{64} => [0-9a-f]{64}$/],
    [
      'how many map keys must sign',
      { map: { ...root.map, threshold: 2 } },
      /^map keys that must sign 1 of 2 => 2 of 2$/,
    ],
  ];
  it.each(rows)('says %s', (_, over, wanted) => {
    const lines = rootChanges(root, { ...root, version: 2, ...over }).map(describeChange);
    expect(lines).toEqual(expect.arrayContaining(['root version 1 => 2', expect.stringMatching(wanted)]));
  });
});
