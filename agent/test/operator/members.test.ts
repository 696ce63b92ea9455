import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deriveMemberV6 } from '../../src/trust/ip.ts';
import { nodeIdOf } from '../../src/trust/words.ts';
import { memberOf } from '../trust/network.ts';
import { addArgs, call, done, emptyFolder, file, initArgs, json, network, populated, refused } from './operator.ts';
import type { Answer } from './operator.ts';

const policyOf = (...rules: readonly object[]): string => file(JSON.stringify({ rules }));
const rule = (from: string, to: string, protocol = 'any'): object => ({
  from: [from],
  to: [to],
  protocols: [protocol],
});
const entry = (folder: string, name: string): Answer =>
  json(folder, 'members.json').members.find((member: Answer) => member.name === name);

describe('member add', () => {
  it('gives the first free address and the IPv6 address of the key', async () => {
    const folder = await populated();
    const { network: id } = json(folder, 'network.json');
    const names = ['home', 'office', 'laptop'];
    const wanted = names.map((name, at) => {
      const { identityKey } = memberOf(name, '10.77.0.1');
      return [`10.77.0.${at + 1}`, deriveMemberV6(id, nodeIdOf(identityKey))];
    });
    expect(names.map((name) => entry(folder, name).addresses)).toEqual(wanted);
    await done(folder, ['member', 'remove', 'office']);
    await done(folder, addArgs('phone'));
    await done(folder, addArgs('tablet'));
    expect(entry(folder, 'phone').addresses[0]).toBe('10.77.0.2');
    expect(entry(folder, 'tablet').addresses[0]).toBe('10.77.0.4');
  });

  it('writes what the member is, by name, whatever the order of adding', async () => {
    const folder = await populated();
    expect(json(folder, 'members.json').members.map(({ name }: Answer) => name)).toEqual(['home', 'laptop', 'office']);
    const { identityKey, wireGuardKey } = memberOf('home', '10.77.0.1');
    expect(entry(folder, 'home')).toEqual({
      name: 'home',
      identity: identityKey,
      wireguard: wireGuardKey,
      addresses: ['10.77.0.1', expect.any(String)],
      subnets: ['192.168.1.0/24'],
      roles: ['subnet-router'],
      tags: [],
      endpoints: ['203.0.113.7:51820'],
    });
    expect(entry(folder, 'laptop').roles).toEqual(['client']);
  });

  it('takes an address of its own choice, several tags, and a role beside the one that a subnet brings', async () => {
    const folder = await network();
    const more = [
      '--address',
      '10.77.255.254',
      '--role',
      'exit',
      '--tag',
      'a',
      '--tag',
      'b',
      '--subnet',
      '10.0.0.0/24',
    ];
    await done(folder, addArgs('gate', ...more));
    expect(entry(folder, 'gate')).toMatchObject({ roles: ['exit', 'subnet-router'], tags: ['a', 'b'] });
    expect(entry(folder, 'gate').addresses[0]).toBe('10.77.255.254');
  });

  it('fills a range to its last address, and not the broadcast address', async () => {
    const folder = emptyFolder();
    await done(folder, [...initArgs, '--range', '10.9.9.0/30']);
    await done(folder, addArgs('a'));
    await done(folder, addArgs('b'));
    expect(entry(folder, 'b').addresses[0]).toBe('10.9.9.2');
    const message = /wanted a free address in 10\.9\.9\.0\/30, got 2 members/;
    await refused(folder, addArgs('c'), { code: 'full', message });
  });

  const { identityKey, wireGuardKey } = memberOf('home', '10.77.0.1');
  const swapped = (option: string, value: string): readonly string[] => {
    const args = addArgs('phone');
    return args.with(args.indexOf(option) + 1, value);
  };
  const conflicts: readonly [sentence: string, argv: readonly string[], message: RegExp][] = [
    ['a name twice', addArgs('phone').with(2, 'home'), /wanted each name once, got home/],
    [
      'an identity key twice',
      swapped('--identity', identityKey),
      /wanted each identity key once, got .* home and phone/,
    ],
    ['a WireGuard key twice', swapped('--wireguard', wireGuardKey), /wanted each WireGuard key once/],
    ['an address twice', addArgs('phone', '--address', '10.77.0.1'), /wanted no overlap, got 10\.77\.0\.1 at home and/],
    ["the network's address", addArgs('phone', '--address', '10.77.0.0'), /from 10\.77\.0\.1 to .*, got 10\.77\.0\.0/],
    [
      'the broadcast address',
      addArgs('phone', '--address', '10.77.255.255'),
      /to 10\.77\.255\.254, got 10\.77\.255\.255/,
    ],
    [
      'an address of elsewhere',
      addArgs('phone', '--address', '10.78.0.9'),
      /wanted an address from .*, got 10\.78\.0\.9/,
    ],
    [
      'a subnet that overlaps',
      addArgs('phone', '--subnet', '192.168.0.0/16'),
      /wanted no overlap, got 192\.168\.0\.0\/16/,
    ],
    ['a subnet inside the mesh', addArgs('phone', '--subnet', '10.77.9.0/24'), /wanted subnets apart from the mesh/],
  ];
  it.each(conflicts)('refuses %s', async (_sentence, argv, message) => {
    await refused(await populated(), argv, { code: 'conflict', message });
  });

  const unread: readonly [sentence: string, argv: readonly string[], message: RegExp][] = [
    ['a name in capitals', addArgs('Phone'), /wanted a label .* as NAME, got "Phone"/],
    [
      'a key of another length',
      swapped('--identity', 'abcd'),
      /wanted an Ed25519 public key.* for --identity, got "abcd"/,
    ],
    ['a key of small order', swapped('--identity', `01${'00'.repeat(31)}`), /wanted an Ed25519 public key/],
    ['a WireGuard key of zeros', swapped('--wireguard', `${'A'.repeat(43)}=`), /wanted a WireGuard public key/],
    [
      'an unknown role',
      addArgs('phone', '--role', 'boss'),
      /wanted one of client subnet-router exit relay.*, got "boss"/,
    ],
    ['a subnet with host bits', addArgs('phone', '--subnet', '192.168.5.1/24'), /wanted a prefix without host bits/],
    ['an endpoint without a port', addArgs('phone', '--endpoint', 'a.example'), /wanted host:port for --endpoint/],
    ['no name', addArgs('phone').toSpliced(2, 1), /wanted "member add NAME", got "member add"/],
    ['two names', addArgs('phone').toSpliced(2, 0, 'x'), /got "member add x phone"/],
    ['no key', addArgs('phone').slice(0, 5), /wanted --wireguard BASE64, got none/],
  ];
  it.each(unread)('does not understand %s', async (_sentence, argv, message) => {
    await refused(await populated(), argv, { code: 'usage', message, exit: 2 });
  });
});

describe('member remove and list', () => {
  it('removes one and lists the rest', async () => {
    const folder = await populated();
    await done(folder, ['member', 'remove', 'office']);
    const { members } = await done(folder, ['member', 'list']);
    expect(members.map(({ name }: Answer) => name)).toEqual(['home', 'laptop']);
    expect(members[0].id).toBe(memberOf('home', '10.77.0.1').id);
    const { stdout } = await call(folder, ['member', 'list']);
    expect(stdout.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^home /),
      expect.stringMatching(/^laptop /),
      '',
    ]);
  });

  it('refuses a name that nobody has, and one that a rule names', async () => {
    const folder = await populated();
    const wanted = { code: 'unknown-name', message: /wanted the name of a member, got "phone"/ };
    await refused(folder, ['member', 'remove', 'phone'], wanted);
    await done(folder, ['policy', 'set', policyOf(rule('member:laptop', 'any'))]);
    const message = /wanted no rule that names laptop, got rule 1/;
    await refused(folder, ['member', 'remove', 'laptop'], { code: 'conflict', message });
  });

  it('warns when nobody is left with a tag that a rule names', async () => {
    const folder = await populated();
    await done(folder, ['policy', 'set', policyOf(rule('any', 'tag:work'))]);
    const { code, stderr } = await call(folder, ['member', 'remove', 'office']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'warning: wanted a member with the tag work for rule 1, got none\n',
    });
  });
});

describe('policy', () => {
  it('is checked without being taken over, and taken over by set', async () => {
    const folder = await populated();
    const path = policyOf(rule('member:laptop', 'tag:work', 'tcp:22'), rule('any', '192.168.1.0/24', 'icmp'));
    await done(folder, ['policy', 'check', path]);
    expect(json(folder, 'policy.json')).toEqual({ rules: [], exits: [], tests: [] });
    await done(folder, ['policy', 'set', path]);
    expect(json(folder, 'policy.json').rules).toEqual([
      rule('member:laptop', 'tag:work', 'tcp:22'),
      rule('any', '192.168.1.0/24', 'icmp'),
    ]);
  });

  const rows: readonly [sentence: string, text: string, code: string, message: RegExp][] = [
    ['text that is no JSON', 'rules', 'malformed', /wanted a value at character 0/],
    ['a key too many', '{"rules":[],"deny":[]}', 'malformed', /wanted no key "deny"/],
    ['a key twice', '{"rules":[],"rules":[]}', 'malformed', /"rules" twice/],
    ['no rules', '{}', 'malformed', /wanted the key "rules"/],
    [
      'a rule that allows nobody',
      '{"rules":[{"from":[],"to":["any"],"protocols":["any"]}]}',
      'malformed',
      /rules\[0\]\.from/,
    ],
    [
      'a rule without protocols',
      '{"rules":[{"from":["any"],"to":["any"]}]}',
      'malformed',
      /wanted the key "protocols"/,
    ],
    [
      'a port of 0',
      JSON.stringify({ rules: [rule('any', 'any', 'tcp:0')] }),
      'malformed',
      /protocols\[0\], got "tcp:0"/,
    ],
    ['an unknown selector', JSON.stringify({ rules: [rule('all', 'any')] }), 'malformed', /from\[0\], got "all"/],
    [
      'an unknown member',
      JSON.stringify({ rules: [rule('any', 'member:phone')] }),
      'unknown-name',
      /a member phone for rule 1/,
    ],
    ['an unknown tag', JSON.stringify({ rules: [rule('tag:play', 'any')] }), 'unknown-name', /the tag play for rule 1/],
  ];
  it.each(rows)('refuses %s, on check and on set', async (_sentence, text, code, message) => {
    const folder = await populated();
    const path = file(text);
    for (const verb of ['check', 'set']) await refused(folder, ['policy', verb, path], { code, message });
  });

  it('refuses a file that is not there', async () => {
    const wanted = { code: 'no-file', message: /wanted a policy at \/nowhere, got no such file/ };
    await refused(await populated(), ['policy', 'check', '/nowhere'], wanted);
  });
});

describe('what people broke in the folder is refused by name', () => {
  const bent = (change: (file: Answer) => void, name: string) => async (): Promise<string> => {
    const folder = await populated();
    const value = json(folder, name);
    change(value);
    writeFileSync(join(folder, name), JSON.stringify(value));
    return folder;
  };
  const rows: readonly [sentence: string, make: () => Promise<string>, code: string, message: RegExp][] = [
    ['no network at all', async () => emptyFolder(), 'no-network', /wanted a network in .*: run init/],
    [
      'a setting too many',
      bent((v) => (v.extra = 1), 'network.json'),
      'malformed',
      /^.*network\.json line 1: .*"extra"/,
    ],
    ['a range of another network', bent((v) => (v.ranges[1] = 'fd00::/48'), 'network.json'), 'conflict', /own fd/],
    [
      'a member with a key too many',
      bent((v) => (v.members[0].extra = 1), 'members.json'),
      'malformed',
      /members\.json: .*"extra"/,
    ],
    [
      'a member without a key',
      bent((v) => delete v.members[1].identity, 'members.json'),
      'malformed',
      /members\[1\]\.identity/,
    ],
    [
      'an address twice',
      bent((v) => (v.members[0].addresses[0] = '10.77.0.2'), 'members.json'),
      'conflict',
      /members\.json: .*overlap/,
    ],
    [
      'a rule too many words',
      bent((v) => v.rules.push('any'), 'policy.json'),
      'malformed',
      /policy\.json line 1: wanted an object at policy\.rules\[0\]/,
    ],
  ];
  it.each(rows)('%s', async (_sentence, make, code, message) => {
    await refused(await make(), ['member', 'list'], { code, message });
  });
});
