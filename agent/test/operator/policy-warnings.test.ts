/** What of a policy is in vain, or roles that do nothing: said on stderr, and in JSON, and never a reason to refuse. */
import { expect, describe, it } from 'vitest';
import { pairsApart } from '../../src/operator/apart.ts';
import type { Label, Member, Rule } from '../../src/trust/types.ts';
import { memberOf } from '../trust/network.ts';
import { addArgs, call, done, file, populated, refused } from './operator.ts';

const rule = (from: string, to: string) => ({ from: [from], to: [to], protocols: ['any'] }) as unknown as Rule;
const warned = async (folder: string, argv: readonly string[]): Promise<readonly string[]> => {
  const { code, stderr } = await call(folder, [...argv, '--yes']);
  expect(code).toBe(0);
  return stderr.split('\n').slice(0, -1);
};

describe('a prefix that nobody has', () => {
  it.each([
    ['192.168.9.0/24', true],
    ['10.77.0.9/32', true],
    ['fd12::/16', true],
    ['192.168.1.77/32', false],
    ['192.168.0.0/16', false],
    ['10.77.0.0/30', false],
    ['0.0.0.0/0', false],
  ])('%s: warned of is %s, with its line, as destination and as source', async (prefix, isWarned) => {
    const folder = await populated();
    const text = (kind: string) => `wanted a member with an address or a subnet in ${prefix} for ${kind} 1, got none`;
    for (const one of [rule('member:home', prefix), rule(prefix, 'member:home')]) {
      const path = file(`{"rules":[\n${JSON.stringify(one)}\n]}`);
      const wanted = isWarned ? [`${path} line 2: ${text('rule')}`] : [];
      for (const verb of ['check', 'set']) {
        expect(await warned(folder, ['policy', verb, path])).toEqual(wanted.map((each) => `warning: ${each}`));
        expect((await done(folder, ['policy', verb, path])).warnings ?? []).toEqual(wanted);
      }
      expect(await warned(folder, ['sign'])).toEqual(isWarned ? [`warning: ${text('rule')}`] : []);
    }
    await done(folder, ['member', 'set', 'home', '--role', 'exit']);
    const exits = [{ from: [prefix], via: ['member:home'], protocols: ['any'] }];
    const path = file(JSON.stringify({ rules: [], exits }));
    const wanted = isWarned ? [`warning: ${path} line 1: ${text('exit')}`] : [];
    expect(await warned(folder, ['policy', 'check', path])).toEqual(wanted);
  });

  it('is said when its subnet goes, by a change or with its member', async () => {
    const folder = await populated();
    const path = file(JSON.stringify({ rules: [rule('member:home', '192.168.2.0/24')] }));
    await done(folder, ['policy', 'set', path]);
    const text = 'warning: wanted a member with an address or a subnet in 192.168.2.0/24 for rule 1, got none';
    expect(await warned(folder, ['member', 'set', 'office', '--no-subnet'])).toEqual([text]);
    await done(folder, ['member', 'set', 'office', '--subnet', '192.168.2.0/24']);
    expect(await warned(folder, ['member', 'remove', 'office'])).toEqual([text]);
  });
});

it.each<[got: string, hint: string]>([
  ['192.168.1.77', ': write "192.168.1.77/32"'],
  ['fd12::7', ': write "fd12::7/128"'],
  ['192.168.1.999', ''],
  ['home', ''],
])('for %s as an end of a rule the hint is "%s"', async (got, hint) => {
  const folder = await populated();
  const place = 'wanted any, member:NAME, tag:TAG or a prefix at policy.rules[0].to[0]';
  const { code, stderr } = await call(folder, ['policy', 'check', file(JSON.stringify({ rules: [rule('any', got)] }))]);
  expect([code, stderr.split('line 1: ')[1]]).toEqual([1, `${place}, got "${got}"${hint}\n`]);
});

it('an exit is no address, and no prefix of it is proposed', async () => {
  const exits = [{ from: ['any'], via: ['10.77.0.1'], protocols: ['any'] }];
  const path = file(JSON.stringify({ rules: [], exits }));
  await refused(await populated(), ['policy', 'check', path], { code: 'malformed', message: /got "10\.77\.0\.1"\n?$/ });
});

describe('a granted pair without an endpoint', () => {
  const text = (count: string, names: string): string =>
    `wanted an endpoint at one end of each granted pair, got ${count} without, which can never meet: ${names}`;

  it('is said by check and set, not when one end has one', async () => {
    const folder = await populated();
    const both = file(JSON.stringify({ rules: [rule('any', 'any'), rule('tag:work', 'any')] }));
    for (const verb of ['check', 'set']) {
      expect((await done(folder, ['policy', verb, both])).warnings).toEqual([text('1', 'laptop - office')]);
      expect(await warned(folder, ['policy', verb, both])).toEqual([`warning: ${text('1', 'laptop - office')}`]);
    }
    const one = file(JSON.stringify({ rules: [rule('member:home', 'any'), rule('any', '192.168.1.0/24')] }));
    expect(await warned(folder, ['policy', 'check', one])).toEqual([]);
    const last = ['member', 'set', 'home', '--no-endpoint'];
    expect(await warned(folder, last)).toEqual([
      `warning: ${text('3', 'home - laptop, home - office, laptop - office')}`,
    ]);
    expect(await warned(folder, ['member', 'set', 'home', '--tag', 'x'])).toEqual([]);
    expect(await warned(folder, ['member', 'set', 'home', '--endpoint', 'h.example:1'])).toHaveLength(1);
  });

  const one = memberOf('m', '10.77.0.1');
  const members = (count: number, more: Partial<Member> = {}): Member[] =>
    Array.from({ length: count }, (_, at) => {
      const addresses = [`10.77.${at >> 8}.${at & 255}`, `fd00::${at.toString(16)}`] as unknown as Member['addresses'];
      return { ...one, name: `m${at}` as Label, addresses, ...more, endpoints: [] };
    });
  const exits = [{ from: ['member:m0'], via: ['member:m1'], protocols: ['any'] }] as unknown as Rule[] as never;

  it.each<[sentence: string, content: Parameters<typeof pairsApart>[0], lines: readonly string[]]>([
    ['nobody meets without rules', { members: members(3), rules: [], exits: [] }, []],
    [
      'three are named',
      { members: members(5), rules: [rule('any', 'any')], exits: [] },
      [text('10', 'm0 - m1, m0 - m2, m0 - m3, and others')],
    ],
    [
      'both directions are one pair',
      { members: members(2), rules: [rule('member:m1', 'member:m0'), rule('member:m0', 'member:m1')], exits: [] },
      [text('1', 'm0 - m1')],
    ],
    [
      'so many are not counted',
      { members: members(6000), rules: [rule('any', 'any'), rule('any', 'any')], exits: [] },
      [text('more than 1000', 'm0 - m1, m0 - m2, m0 - m3, and others')],
    ],
    [
      'an IPv4 address and an IPv6 one are no pair',
      { members: members(2), rules: [rule('10.77.0.0/32', 'fd00::/8')], exits: [] },
      [],
    ],
    [
      'an exit and who may use it are',
      { members: members(2, { roles: ['exit'] }), rules: [], exits },
      [text('1', 'm0 - m1')],
    ],
    ['an exit without the role is none', { members: members(2), rules: [], exits }, []],
  ])('%s', (_sentence, content, lines) => {
    expect(pairsApart(content)).toEqual(lines);
  });
});

it('a relay does nothing yet, and is taken with that word', async () => {
  const folder = await populated();
  const text = 'no router relays yet: the role relay changes nothing';
  expect(await warned(folder, addArgs('far', '--role', 'relay'))).toEqual([`warning: ${text}`]);
  expect(await warned(folder, addArgs('near', '--role', 'exit'))).toEqual([]);
  expect(await warned(folder, ['member', 'set', 'near', '--role', 'relay'])).toEqual([`warning: ${text}`]);
  expect(await warned(folder, ['member', 'set', 'near', '--tag', 'x'])).toEqual([]);
  const invite = ['invite', '--name', 'attic', '--ttl', '1h', '--role', 'relay'];
  expect((await done(folder, invite)).warnings).toContain(text);
});
