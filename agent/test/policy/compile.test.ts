import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disjoint, type Box } from '../../src/policy/boxes.ts';
import { announcedOf, compile } from '../../src/policy/compile.ts';
import { closedDesired, type Desired } from '../../src/policy/desired.ts';
import type { Cidr, Label, Member, Protocol } from '../../src/trust/types.ts';
import { content, home, laptop, memberOf, office } from '../trust/network.ts';
import { believed, choices, rule } from './believed.ts';

const at = (self: Member, ...rules: unknown[]): Desired => compile(believed(rules), self.id, choices);
const pairs = (desired: Desired, family = 4): string[] =>
  desired.grants
    .filter((grant) => grant.family === family)
    .map(({ from, to, protocols }) => `${from} > ${to} ${protocols.join()}`)
    .sort();

describe('grants', () => {
  test.each([
    ['no rule grants nothing', home, [], []],
    [
      'a member as a source sends from its address and its LAN; as a destination it is its address alone',
      home,
      [rule('member:home', 'member:laptop')],
      ['10.77.0.1 > 10.77.0.3 any', '192.168.1.0-192.168.1.255 > 10.77.0.3 any'],
    ],
    [
      'the other side compiles to the same pairs',
      laptop,
      [rule('member:home', 'member:laptop')],
      ['10.77.0.1 > 10.77.0.3 any', '192.168.1.0-192.168.1.255 > 10.77.0.3 any'],
    ],
    ['a third router has nothing to do with it', office, [rule('member:home', 'member:laptop')], []],
    [
      'a LAN is reached by naming its prefix',
      laptop,
      [rule('member:laptop', '192.168.2.0/24', 'tcp:22')],
      ['10.77.0.3 > 192.168.2.0-192.168.2.255 tcp:22'],
    ],
    [
      'a prefix counts where a member owns it, and no further',
      laptop,
      [rule('member:laptop', '192.168.0.0/16')],
      ['10.77.0.3 > 192.168.1.0-192.168.1.255 any', '10.77.0.3 > 192.168.2.0-192.168.2.255 any'],
    ],
    ['a prefix that nobody owns grants nothing', laptop, [rule('member:laptop', '8.8.8.0/24')], []],
    [
      'a tag names who wears it',
      laptop,
      [rule('tag:work', 'member:laptop', 'icmp')],
      ['10.77.0.2 > 10.77.0.3 icmp', '192.168.2.0-192.168.2.255 > 10.77.0.3 icmp'],
    ],
    ['a member that is not there grants nothing', home, [rule('member:gone', 'any')], []],
    [
      'two rules for one pair add up',
      laptop,
      [rule('member:laptop', 'member:home', 'tcp:22'), rule('member:laptop', 'member:home', 'udp:53', 'tcp:22')],
      ['10.77.0.3 > 10.77.0.1 tcp:22,udp:53'],
    ],
    [
      'any swallows the rest',
      laptop,
      [rule('member:laptop', 'member:home', 'tcp:22'), rule('any', 'member:home')],
      ['10.77.0.3 > 10.77.0.1 any'],
    ],
    [
      'a narrower prefix is cut out of a wider one',
      laptop,
      [rule('member:laptop', '192.168.1.0/24', 'tcp:80'), rule('member:laptop', '192.168.1.128/25', 'icmp')],
      ['10.77.0.3 > 192.168.1.0-192.168.1.127 tcp:80', '10.77.0.3 > 192.168.1.128-192.168.1.255 icmp,tcp:80'],
    ],
  ])('%s', (_, self, rules, wanted) => {
    expect(pairs(at(self, ...rules))).toEqual(wanted);
  });
  test('both families are granted alike', () => {
    const desired = at(laptop, rule('member:laptop', 'member:home'));
    expect(pairs(desired, 6)).toEqual([`${laptop.addresses[1] ?? ''} > ${home.addresses[1] ?? ''} any`]);
  });
});

describe('peers', () => {
  test('only members with a granted pair are peers, and only their subnets are routed', () => {
    const desired = at(home, rule('member:home', 'member:laptop'));
    expect(desired.peers.map(({ name }) => name)).toEqual(['laptop']);
    expect(desired.routes).toEqual(['10.77.0.0/16', content.policy.ranges[1]]);
    expect(at(laptop, rule('any', 'any')).routes).toContain('192.168.2.0/24');
  });
  test('a peer is allowed its own addresses and subnets, both families', () => {
    const [peer] = at(laptop, rule('any', 'member:home')).peers;
    expect(peer).toMatchObject({
      publicKey: home.wireGuardKey,
      allowedIps: ['10.77.0.1/32', '192.168.1.0/24', `${home.addresses[1] ?? ''}/128`].sort(),
      endpoints: ['203.0.113.7:51820'],
    });
  });
  test('who has no endpoint keeps the mapping towards those who have one; nobody else sends keepalives', () => {
    const keepalives = (self: Member): unknown =>
      at(self, rule('any', 'any'))
        .peers.map(({ name, keepaliveS }) => [name, keepaliveS])
        .sort();
    expect(keepalives(laptop)).toEqual([
      ['home', 25],
      ['office', 0],
    ]);
    expect(keepalives(home)).toEqual([
      ['laptop', 0],
      ['office', 0],
    ]);
  });
  test('a router that the map does not name is closed', () => {
    const stranger = memberOf('stranger', '10.77.0.9');
    expect(compile(believed([rule('any', 'any')]), stranger.id, choices)).toEqual(closedDesired(choices));
  });
  test('a member more changes no grant and no peer that was there', () => {
    const before = at(home, rule('any', 'any'));
    const extra = memberOf('extra', '10.77.0.4', { tags: ['work' as Label] });
    const after = compile(believed([rule('any', 'any')], [...content.members, extra]), home.id, choices);
    expect(after.grants).toEqual(expect.arrayContaining([...before.grants]));
    expect(after.peers).toEqual(expect.arrayContaining([...before.peers]));
  });
});

describe('boxes', () => {
  const protocol = fc.constantFrom('any', 'icmp', 'tcp:1', 'udp:2') as fc.Arbitrary<Protocol>;
  const range = fc
    .tuple(fc.nat(20), fc.nat(6))
    .map(([first, size]) => ({ family: 4 as const, first: BigInt(first), last: BigInt(first + size) }));
  const box: fc.Arbitrary<Box> = fc.record({
    from: range,
    to: range,
    protocols: fc.uniqueArray(protocol, { minLength: 1 }),
  });
  const inside = (each: Box, source: bigint, target: bigint): boolean =>
    each.from.first <= source && source <= each.from.last && each.to.first <= target && target <= each.to.last;

  test('every point is in one box at most, with the protocols of all boxes that held it', () => {
    fc.assert(
      fc.property(fc.array(box, { maxLength: 6 }), (boxes) => {
        const cut = disjoint(boxes);
        for (let source = 0n; source < 28n; source += 1n) {
          for (let target = 0n; target < 28n; target += 1n) {
            const wanted = new Set(
              boxes.filter((each) => inside(each, source, target)).flatMap(({ protocols }) => protocols),
            );
            const got = cut.filter((each) => inside(each, source, target));
            expect(got.length).toBe(wanted.size === 0 ? 0 : 1);
            const all = wanted.has('any' as Protocol) ? ['any'] : [...wanted].sort();
            expect(got.flatMap(({ protocols }) => protocols)).toEqual(all);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

test('a prefix in a rule is held to what the parser takes', () => {
  expect(() => believed([rule('any', '10.77.0.1/16' as Cidr)])).toThrow('tag:TAG or a prefix');
});

test.each([
  ['192.168.0.0/16', ['192.168.0.0/16', '192.168.1.0/24'], ['192.168.0.0/16']],
  ['192.168.0.0/16', ['192.168.1.0/24', '192.168.1.0/25', '192.168.2.0/24'], ['192.168.1.0/24', '192.168.2.0/24']],
  ['192.168.1.0/24', ['192.168.0.0/16', '192.168.1.0/24'], ['192.168.1.0/24']],
])('of the subnet %s and %j announced: no two that overlap', (subnet, announced, wanted) => {
  const both = announcedOf({ subnets: [subnet as Cidr] }, { announced: announced as Cidr[] });
  expect(both).toEqual(wanted);
});
