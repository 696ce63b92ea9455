import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/policy/compile.ts';
import type { Desired } from '../../src/policy/desired.ts';
import { covers, explain, type Packet, type Verdict } from '../../src/policy/explain.ts';
import { contains, rangeOf } from '../../src/trust/ip.ts';
import type { Ip, Label, Member, Protocol, Rule } from '../../src/trust/types.ts';
import { content, home, laptop, memberOf, office } from '../trust/network.ts';
import { believed, choices, rule } from './believed.ts';

const exitNode = memberOf('vps', '10.77.0.4', { roles: ['exit'], tags: ['far' as Label] });
const members = [...content.members, exitNode];
const packet = (from: string, to: string, protocol: string, via?: string): Packet => ({
  from: from as Ip,
  to: to as Ip,
  protocol: protocol as Protocol,
  ...(via === undefined ? {} : { via: via as Label }),
});
const exit = (from: string, via: string, ...protocols: string[]): unknown => ({ from: [from], via: [via], protocols });
const asked = (what: Packet, rules: unknown[], exits: unknown[] = []): Verdict =>
  explain({ members, rules: rules as Rule[], exits: exits as never }, what);

describe('explain', () => {
  test('names each rule that grants, as people count, with the selectors and the protocol that matched', () => {
    const rules = [
      rule('tag:work', 'any'),
      rule('tag:work member:laptop', 'member:office member:home', 'icmp', 'tcp:20-30'),
      rule('any', '10.77.0.0/24', 'tcp:22'),
    ];
    expect(asked(packet('10.77.0.3', '10.77.0.1', 'tcp:22'), rules).by).toEqual([
      { kind: 'rule', number: 2, from: 'member:laptop', to: 'member:home', protocol: 'tcp:20-30' },
      { kind: 'rule', number: 3, from: 'any', to: '10.77.0.0/24', protocol: 'tcp:22' },
    ]);
  });
  test('names the exit rule that grants the internet', () => {
    const exits = [exit('tag:work', 'any', 'any'), exit('member:laptop', 'tag:far', 'tcp:443')];
    expect(asked(packet('10.77.0.3', 'internet', 'tcp:443', 'vps'), [], exits).by).toEqual([
      { kind: 'exit', number: 2, from: 'member:laptop', to: 'tag:far', protocol: 'tcp:443' },
    ]);
  });

  const some = [rule('member:laptop', 'member:home', 'tcp:22'), rule('member:laptop', 'tag:work', 'icmp', 'udp:53')];
  const exits = [exit('tag:work', 'any', 'any'), exit('member:laptop', 'member:home', 'any')];
  test.each<[string, Packet, unknown[], unknown[], RegExp]>([
    ['no rules', packet('10.77.0.3', '10.77.0.1', 'icmp'), [], [], /^no rule names 10.77.0.3 \(laptop\) as a source/],
    ['another source', packet('10.77.0.2', '10.77.0.1', 'icmp'), some, [], /^no rule names 10.77.0.2 \(office\)/],
    [
      'another destination',
      packet('10.77.0.3', '10.77.0.4', 'icmp'),
      some,
      [],
      /^no rule that names laptop as a source names 10.77.0.4 \(vps\) as a destination/,
    ],
    ['another protocol', packet('10.77.0.3', '10.77.0.1', 'udp:22'), some, [], /^rule 1 grants tcp:22, not udp:22$/],
    [
      'the port beside',
      packet('10.77.0.3', '10.77.0.2', 'udp:54'),
      some,
      [],
      /^rule 2 grants icmp udp:53, not udp:54$/,
    ],
    ['all of it', packet('10.77.0.3', '10.77.0.2', 'any'), some, [], /^rule 2 grants icmp udp:53, not any$/],
    [
      'a LAN that only its router names',
      packet('10.77.0.3', '192.168.1.7', 'tcp:22'),
      some,
      [],
      /^rule 1 names home and means its mesh addresses: a LAN is granted by naming its prefix.*192.168.1.0-192.168.1.255$/,
    ],
    ['the way back', packet('10.77.0.1', '10.77.0.3', 'tcp:22'), some, [], /^no rule names 10.77.0.1 \(home\)/],
    ['an address of nobody', packet('10.77.0.3', '8.8.8.8', 'icmp'), some, [], /^no member owns 8.8.8.8$/],
    ['a router and its LAN', packet('10.77.0.1', '192.168.1.7', 'icmp'), some, [], /^both are at home/],
    ['two families', packet('10.77.0.3', home.addresses[1] ?? '', 'icmp'), some, [], /IPv4, the other IPv6$/],
    [
      'an exit without the role',
      packet('10.77.0.3', 'internet', 'any', 'home'),
      [],
      exits,
      /^home has not the role exit/,
    ],
    ['an exit for others', packet('10.77.0.1', 'internet', 'any'), [], exits, /^no exit names 10.77.0.1 \(home\)/],
    ['an exit that is not named', packet('10.77.0.3', 'internet', 'any'), [], exits, /names vps as the exit$/],
    ['the exit itself', packet('10.77.0.4', 'internet', 'any', 'vps'), [], exits, /^vps is that exit/],
    ['a rule, which is no exit', packet('10.77.0.3', 'internet', 'any'), [rule('any', 'any')], [], /^no exit names/],
  ])('says what is missing: %s', (_, what, rules, exitRules, why) => {
    expect(asked(what, rules, exitRules)).toEqual({ packet: what, by: [], why: expect.stringMatching(why) });
  });
});

const selector = fc.constantFrom(
  ...['any', 'member:home', 'member:laptop', 'member:vps', 'member:gone', 'tag:work', 'tag:far'],
  ...['192.168.1.0/24', '192.168.1.0/28', '192.168.0.0/16', '10.77.0.0/30', '0.0.0.0/0', '::/0'],
);
const selectors = fc.uniqueArray(selector, { minLength: 1, maxLength: 3 });
const protocol = fc.constantFrom('any', 'icmp', 'tcp:22', 'tcp:20-30', 'tcp:23-24', 'udp:22', 'udp:53-60');
const rules = fc.array(
  fc.record({ from: selectors, to: selectors, protocols: fc.uniqueArray(protocol, { minLength: 1, maxLength: 3 }) }),
  { maxLength: 4 },
);
const address = fc.constantFrom(
  ...members.flatMap(({ addresses }) => addresses),
  ...(['192.168.1.1', '192.168.1.15', '192.168.1.16', '192.168.2.255', '192.168.3.1', '10.77.0.9'] as Ip[]),
);
const question = fc.constantFrom('any', 'icmp', 'tcp:22', 'tcp:24', 'tcp:31', 'udp:22', 'udp:60', 'udp:61');

/** Whether one end's compiled grants hold the packet: read from their texts, not by the code that is under test. */
function holds({ grants }: Desired, { from, to, protocol: wanted }: Packet): boolean {
  const within = (text: string, one: Ip): boolean => {
    const [first = '', last = first] = text.split('-') as Ip[];
    const range = { ...rangeOf(first as Ip), last: rangeOf(last as Ip).last };
    return contains(range, rangeOf(one));
  };
  const allows = (granted: string): boolean => {
    const [kind, ports = ''] = granted.split(':');
    const [first = 0, last = first] = ports.split('-').map(Number);
    const [askedKind, port = '-1'] = wanted.split(':');
    return granted === 'any' || granted === wanted || (kind === askedKind && first <= +port && +port <= last);
  };
  return grants.some((grant) => within(grant.from, from) && within(grant.to, to as Ip) && grant.protocols.some(allows));
}

test('what is explained as granted is what both ends compile, and nothing else is', () => {
  const seen = { granted: 0, refused: 0 };
  const ownerOf = (one: Ip): Member | undefined =>
    members.find((each) => [...each.addresses, ...each.subnets].some((own) => contains(rangeOf(own), rangeOf(one))));
  fc.assert(
    fc.property(
      rules,
      fc.array(fc.tuple(address, address, question), { minLength: 8, maxLength: 8 }),
      (given, asks) => {
        const map = believed(given, members);
        const compiled = new Map(members.map(({ id }) => [id, compile(map, id, choices)]));
        for (const [from, to, what] of asks) {
          const one = { from, to, protocol: what as Protocol };
          const ends = [ownerOf(from), ownerOf(to)].map((end) => end && compiled.get(end.id));
          const granted = explain({ members, ...map.policy }, one).by.length > 0;
          seen[granted ? 'granted' : 'refused'] += 1;
          for (const end of ends) expect(end !== undefined && holds(end, one)).toBe(granted);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(Math.min(seen.granted, seen.refused)).toBeGreaterThan(100);
});

test.each([
  ['tcp:22', 'tcp:22', true],
  ['tcp:20-30', 'tcp:30', true],
  ['tcp:20-30', 'tcp:31', false],
  ['tcp:20-30', 'udp:25', false],
  ['any', 'icmp', true],
  ['icmp', 'any', false],
  ['tcp:1-65535', 'icmp', false],
])('%s covers %s: %s', (granted, what, wanted) => {
  expect(covers(granted as Protocol, what as Protocol)).toBe(wanted);
});

test('what a rule grants to a member is not granted from it', () => {
  const there = packet('10.77.0.3', '10.77.0.2', 'icmp');
  const back = { ...there, from: there.to as Ip, to: there.from };
  const rules = [rule(`member:${laptop.name}`, `member:${office.name}`)];
  expect([there, back].map((each) => asked(each, rules).by.length)).toEqual([1, 0]);
});
