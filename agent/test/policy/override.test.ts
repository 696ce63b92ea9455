/** The peer that a person set by hand: what it may not have, and all that it gets. */
import { describe, expect, test } from 'vitest';
import { bootFiles } from '../../src/plan/boot.ts';
import { plan } from '../../src/plan/plan.ts';
import { prove } from '../../src/plan/prove.ts';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired, type Desired } from '../../src/policy/desired.ts';
import { overridden, overrideRefusal, type ManualPeer, type Override } from '../../src/policy/override.ts';
import type { Cidr, Endpoint } from '../../src/trust/types.ts';
import { mirror } from '../plan/mirror.ts';
import { content, home, laptop, memberOf, office } from '../trust/network.ts';
import { believed, choices, exitRule, rule } from './believed.ts';

const stranger = memberOf('stranger', '10.77.0.9').wireGuardKey;
const peer: ManualPeer = {
  publicKey: stranger,
  allowedIps: ['192.168.7.0/24', '10.77.0.9/32'] as Cidr[],
  endpoint: '203.0.113.9:51820' as Endpoint,
};
const around = [
  { prefix: '192.168.1.0/24' as Cidr, by: 'lan here' },
  { prefix: '172.20.0.0/16' as Cidr, by: 'wan here' },
];
const lan = { name: 'lan', device: 'br-lan', prefixes: ['192.168.1.0/24' as Cidr] };
const refusal = (over: Partial<ManualPeer> = {}, members = content.members): string | undefined =>
  overrideRefusal({ ...peer, ...over }, home.wireGuardKey, members, around);

describe('what is refused', () => {
  const ips = (...allowedIps: string[]): Partial<ManualPeer> => ({ allowedIps: allowedIps as Cidr[] });
  const nobody = (got: string, of: string): string =>
    `wanted allowed IPs that nobody has, got ${got}, which overlaps ${of}`;
  test.each<[string, Partial<ManualPeer>, string]>([
    [
      "this router's own key",
      { publicKey: home.wireGuardKey },
      "wanted another's WireGuard key, got this router's own",
    ],
    [
      'the key of a member',
      { publicKey: office.wireGuardKey },
      'wanted the WireGuard key of no member, got that of office',
    ],
    ["a member's subnet", ips('192.168.2.0/24'), nobody('192.168.2.0/24', '192.168.2.0/24 of office')],
    ["a part of a member's subnet", ips('192.168.2.128/25'), nobody('192.168.2.128/25', '192.168.2.0/24 of office')],
    ["what is around a member's subnet", ips('192.168.2.0/23'), nobody('192.168.2.0/23', '192.168.2.0/24 of office')],
    ["a member's address", ips('10.77.0.3/32'), nobody('10.77.0.3/32', '10.77.0.3 of laptop')],
    ["a member's IPv6 address", ips('fd00::/8'), nobody('fd00::/8', `${home.addresses[1] ?? ''} of home`)],
    ['a LAN of this router', ips('192.168.1.64/26'), nobody('192.168.1.64/26', '192.168.1.0/24 of home')],
    ['the network of an uplink', ips('172.20.1.0/24'), nobody('172.20.1.0/24', '172.20.0.0/16 of wan here')],
    ['the second of two', ips('192.168.7.0/24', '10.77.0.2/32'), nobody('10.77.0.2/32', '10.77.0.2 of office')],
    [
      'an endpoint within the allowed IPs',
      { endpoint: '192.168.7.4:1' as Endpoint },
      'wanted an endpoint outside the allowed IPs, got 192.168.7.4:1 in 192.168.7.0/24',
    ],
    [
      'an IPv6 endpoint within them',
      { ...ips('fd77::/64'), endpoint: '[fd77::1]:1' as Endpoint },
      'wanted an endpoint outside the allowed IPs, got [fd77::1]:1 in fd77::/64',
    ],
    ...['0.0.0.0/0', '::/0', '8.0.0.0/7', '203.0.113.0/24', '2001:db8::/32', '128.0.0.0/1'].map(
      (all): [string, Partial<ManualPeer>, string] => [
        `the internet, or a part of it: ${all}`,
        ips(all),
        `wanted allowed IPs within 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, got ${all}`,
      ],
    ),
  ])('%s', (_, over, message) => {
    expect(refusal(over)).toBe(message);
  });
  test.each<[string, Partial<ManualPeer>]>([
    ['what a removed member had', {}],
    ["the neighbour of a member's subnet", ips('192.168.3.0/24')],
    ['no endpoint', { endpoint: undefined as unknown as Endpoint }],
    ['a ULA that is not the mesh', ips('fd77::/64')],
  ])('but %s is not', (_, over) => {
    expect(refusal(over)).toBeUndefined();
  });
  test('without a map nothing is of a member, and a LAN is still of this router', () => {
    expect(refusal(ips('192.168.2.0/24'), [])).toBeUndefined();
    expect(refusal({ publicKey: office.wireGuardKey }, [])).toBeUndefined();
    expect(refusal(ips('192.168.1.64/26'), [])).toBe(nobody('192.168.1.64/26', '192.168.1.0/24 of lan here'));
  });
});

describe('what it gets', () => {
  const override: Override = { peer, networks: ['192.168.1.0/24', 'fd01::/64'] as Cidr[] };
  const announcing = { ...choices, announced: ['192.168.1.0/24'] as Cidr[] };
  const added = {
    name: 'break-glass',
    publicKey: stranger,
    allowedIps: ['10.77.0.9/32', '192.168.7.0/24'],
    endpoints: ['203.0.113.9:51820'],
    keepaliveS: 25,
  };
  const both = (left: string, right: string): object[] =>
    [
      [left, right],
      [right, left],
    ].map(([from, to]) => ({ family: 4, from, to, protocols: ['any'] }));

  test('without a map: the one peer, its routes, and grants between it and the LAN that is announced', () => {
    const closed = closedDesired(announcing);
    expect(overridden(closed, override, home.wireGuardKey)).toEqual({
      ...closed,
      publicKey: home.wireGuardKey,
      routes: ['10.77.0.9/32', '192.168.7.0/24'],
      peers: [added],
      grants: expect.arrayContaining([
        ...both('192.168.1.0-192.168.1.255', '192.168.7.0-192.168.7.255'),
        ...both('192.168.1.0-192.168.1.255', '10.77.0.9'),
      ]) as object,
    });
    expect(overridden(closed, override, home.wireGuardKey).grants).toHaveLength(4);
  });
  test('an announced prefix that is no LAN of this router is not opened, nor a LAN that is not announced', () => {
    const everything = overridden(closedDesired(choices), override, home.wireGuardKey);
    expect(new Set(everything.grants.map(({ to }) => to))).toEqual(
      new Set(['192.168.1.0-192.168.1.255', '192.168.7.0-192.168.7.255', '10.77.0.9']),
    );
    expect(overridden(closedDesired({ ...choices, announced: [] }), override, home.wireGuardKey).grants).toEqual([]);
  });
  test('with a map: all that the map asks for as it was, and the own mesh addresses besides', () => {
    const map = believed([rule('any', 'any')], content.members, [exitRule('any', 'any')]);
    const before = compile(map, home.id, announcing);
    const after = overridden(before, override, home.wireGuardKey);
    expect(after.peers.filter(({ publicKey }) => publicKey !== stranger)).toEqual(before.peers);
    expect(after.grants.slice(0, before.grants.length)).toEqual(before.grants);
    expect(after.grants.slice(before.grants.length)).toEqual(
      expect.arrayContaining([...both('10.77.0.1', '192.168.7.0-192.168.7.255')]),
    );
    expect([after.peers.length, after.routes.length]).toEqual([before.peers.length + 1, before.routes.length + 2]);
    const { peers, grants, routes } = before;
    expect({ ...after, peers, grants, routes }).toEqual(before);
  });
  test.each([
    ['closed', closedDesired(announcing), 'remove-link'],
    ['open by a map', compile(believed([rule('any', 'any')]), laptop.id, announcing), 'remove-peers'],
  ] as const)(
    '%s: back from it, grants go first, then the peer; nothing of it is in what the boot sets',
    (_, before, gone) => {
      const after = overridden(before, override, laptop.wireGuardKey);
      expect(prove(after, mirror(after))).toEqual({ guard: [], rest: [] });
      expect(plan(after, mirror(after))).toEqual([]);
      expect(
        plan(before, mirror(after))
          .map((step) => step.do)
          .slice(0, 2),
      ).toEqual(['grants', gone]);
      const protectedBy = (desired: Desired): object =>
        bootFiles({ ...desired, exit: 'full' }, { ...mirror(before), locals: [lan] });
      expect(protectedBy(after)).toEqual(protectedBy(before));
      expect(bootFiles(after, mirror(before))).toEqual(bootFiles(before, mirror(before)));
    },
  );
});
