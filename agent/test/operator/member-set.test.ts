/** A member that is to be otherwise: what changes in members.json and policy.json, what is said of it, and what is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { admit } from '../../src/operator/admit.ts';
import { Given } from '../../src/operator/args.ts';
import { Folder } from '../../src/operator/folder.ts';
import { setMember } from '../../src/operator/member-set.ts';
import type { Surroundings } from '../../src/operator/surroundings.ts';
import type { VerifiedJoin } from '../../src/trust/verify-join.ts';
import { asks } from './joiner.ts';
import { call, contents, done, file, json, nowUnixS, populated, refused, type Answer } from './operator.ts';

let folder: string;
beforeEach(async () => {
  folder = await populated();
});
const set = (...argv: string[]): string[] => ['member', 'set', ...argv];
const entry = (name: string): Answer =>
  json(folder, 'members.json').members.find((member: Answer) => member.name === name);
/** Loses power before members.json is replaced. */
class CutFolder extends Folder {
  override write(...args: Parameters<Folder['write']>): void {
    if (args[0] === 'members.json') throw new Error('cut');
    super.write(...args);
  }
}
const policy = (value: object): Promise<Answer> => done(folder, ['policy', 'set', file(JSON.stringify(value))]);

describe('member set', () => {
  const rows: readonly [sentence: string, argv: readonly string[], member: Answer, changes: readonly string[]][] = [
    ['a role', ['laptop', '--role', 'exit'], { roles: ['exit'] }, ['roles client => exit']],
    ['a first tag', ['home', '--tag', 'a', '--tag', 'b'], { tags: ['a', 'b'] }, ['tags none => a b']],
    ['another tag in its place', ['office', '--tag', 'play'], { tags: ['play'] }, ['tags work => play']],
    ['no tag', ['office', '--no-tag'], { tags: [] }, ['tags work => none']],
    [
      'a subnet, which brings its role',
      ['laptop', '--subnet', '192.168.3.0/24'],
      { subnets: ['192.168.3.0/24'], roles: ['subnet-router'] },
      ['subnets none => 192.168.3.0/24', 'roles client => subnet-router'],
    ],
    [
      'another subnet, and the role stays',
      ['home', '--subnet', '192.168.3.0/24'],
      { subnets: ['192.168.3.0/24'], roles: ['subnet-router'] },
      ['subnets 192.168.1.0/24 => 192.168.3.0/24'],
    ],
    [
      'no subnet, and its role goes',
      ['home', '--no-subnet'],
      { subnets: [], roles: ['client'] },
      ['subnets 192.168.1.0/24 => none', 'roles subnet-router => client'],
    ],
    [
      'a role beside that of its subnet',
      ['home', '--role', 'exit'],
      { roles: ['exit', 'subnet-router'] },
      ['roles subnet-router => exit subnet-router'],
    ],
    [
      'an endpoint',
      ['office', '--endpoint', 'o.example:51820'],
      { endpoints: ['o.example:51820'] },
      ['endpoints none => o.example:51820'],
    ],
    ['no endpoint', ['home', '--no-endpoint'], { endpoints: [] }, ['endpoints 203.0.113.7:51820 => none']],
  ];
  it.each(rows)('gives %s, and changes nothing else', async (_sentence, argv, member, changes) => {
    const before = json(folder, 'members.json').members;
    const { code, stdout } = await call(folder, set(...argv));
    const name = argv[0] ?? '';
    const said = `changed ${name}, not signed yet: what it was holds until "sign" and "publish"`;
    expect([code, stdout.split('\n')]).toEqual([0, [said, ...changes.map((each) => `~ ${each}`), '']]);
    const wanted = before.map((each: Answer) => (each.name === name ? { ...each, ...member } : each));
    expect(json(folder, 'members.json').members).toEqual(wanted);
    await done(folder, ['sign']);
    await done(folder, ['verify']);
  });

  it('another IPv4 address; that of its key stays', async () => {
    const [, v6] = entry('office').addresses;
    const { changes } = await done(folder, set('office', '--address', '10.77.4.4'));
    expect(entry('office').addresses).toEqual(['10.77.4.4', v6]);
    expect(changes).toEqual([{ what: 'addresses', from: `10.77.0.2 ${v6}`, to: `10.77.4.4 ${v6}` }]);
  });

  it('what it is already is written to no file', async () => {
    const before = contents(folder);
    const { stdout } = await call(folder, set('office', '--tag', 'work', '--name', 'office'));
    expect(stdout).toBe('office is that already, nothing changed\n');
    expect(contents(folder)).toEqual(before);
  });

  const bad: readonly [sentence: string, argv: readonly string[], code: string, message: RegExp, exit?: number][] = [
    ['nothing', ['home'], 'usage', /wanted --name, --address, or a list of it, got none/, 2],
    ['tags and none', ['home', '--tag', 'a', '--no-tag'], 'usage', /wanted --tag or --no-tag, got both/, 2],
    ['a stranger', ['phone', '--tag', 'a'], 'unknown-name', /wanted the name of a member, got "phone"/],
    ['a name in capitals', ['home', '--name', 'Home'], 'usage', /lower case, for --name, got "Home"/, 2],
    ['a name of another', ['home', '--name', 'office'], 'conflict', /wanted each name once, got office/],
    ['a subnet of another', ['home', '--subnet', '192.168.2.0/25'], 'conflict', /wanted no overlap, got/],
    ['an address of another', ['home', '--address', '10.77.0.2'], 'conflict', /wanted no overlap, got 10\.77\.0\.2/],
    ['an address of elsewhere', ['home', '--address', '10.78.0.2'], 'conflict', /got 10\.78\.0\.2/],
    ['a tag twice', ['home', '--tag', 'a', '--tag', 'a'], 'malformed', /wanted different entries at .*tags, got one/],
  ];
  it.each(bad)('refuses %s', async (_sentence, argv, code, message, exit = 1) => {
    await refused(folder, set(...argv), { code, message, exit });
  });
});

describe('another name', () => {
  const rules = [
    { from: ['member:home', 'member:laptop'], to: ['member:office'], protocols: ['tcp:22'] },
    { from: ['any'], to: ['member:home'], protocols: ['icmp'] },
  ];
  const exits = [{ from: ['member:laptop', 'member:home'], via: ['member:home'], protocols: ['any'] }];
  const tests = [
    { allow: 'home -> office tcp:22' },
    { deny: 'office->home tcp:22' },
    { allow: 'laptop -> internet via home tcp:443' },
    { deny: 'office -> internet tcp:443' },
  ];

  it('is that of the rules, exits and tests, too, and all that changed is said', async () => {
    await done(folder, set('home', '--role', 'exit'));
    await policy({ rules, exits, tests });
    const { code, stdout, stderr } = await call(folder, set('home', '--name', 'attic'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').slice(1, -1)).toEqual([
      '~ name home => attic',
      '~ rule 1 member:home member:laptop -> member:office  tcp:22 => member:attic member:laptop -> member:office  tcp:22',
      '~ rule 2 any -> member:home  icmp => any -> member:attic  icmp',
      '~ exit 1 member:laptop member:home -> internet via member:home  any => member:laptop member:attic -> internet via member:attic  any',
      '~ test 1 home -> office tcp:22 => attic -> office tcp:22',
      '~ test 2 office->home tcp:22 => office -> attic tcp:22',
      '~ test 3 laptop -> internet via home tcp:443 => laptop -> internet via attic tcp:443',
      'it answers as attic.home.mesh.internal then',
      'routers that chose home as their exit choose again: "rustynet exit attic"',
    ]);
    expect(json(folder, 'policy.json')).toEqual({
      rules: [
        { ...rules[0], from: ['member:attic', 'member:laptop'] },
        { ...rules[1], to: ['member:attic'] },
      ],
      exits: [{ ...exits[0], from: ['member:laptop', 'member:attic'], via: ['member:attic'] }],
      tests: [
        { allow: 'attic -> office tcp:22' },
        { deny: 'office -> attic tcp:22' },
        { allow: 'laptop -> internet via attic tcp:443' },
        tests[3],
      ],
    });
    await done(folder, ['policy', 'check']);
    await done(folder, ['sign']);
  });

  it('after a cut between the two files, the same call goes on from there', async () => {
    await policy({ rules, tests: tests.slice(0, 2) });
    const given = new Given(new Map([['name', ['attic']]]), ['home']);
    const around = { nowUnixS: () => nowUnixS } as Surroundings;
    await expect(setMember({ folder: new CutFolder(folder), given, around })).rejects.toThrow('cut');
    await refused(folder, ['sign', '--yes'], { code: 'unknown-name', message: /a member attic for rule 1/ });
    await done(folder, set('home', '--name', 'attic'));
    await done(folder, ['policy', 'check']);
    expect(entry('attic')).toBeDefined();
  });

  it('is not one that means the internet in a test', async () => {
    await policy({ rules, tests: tests.slice(0, 1) });
    const message = /wanted a name that tests can say, got internet: change "home -> office tcp:22" first/;
    await refused(folder, set('home', '--name', 'internet'), { code: 'conflict', message });
    await done(folder, set('laptop', '--name', 'internet'));
    await policy({ rules: [], tests: [{ deny: 'home -> internet tcp:22' }] });
    await done(folder, set('internet', '--name', 'laptop'));
    expect(json(folder, 'policy.json').tests).toEqual([{ deny: 'home -> internet tcp:22' }]);
  });

  it('is what takes a router out that an invite let in', async () => {
    const { invite, id } = await done(folder, ['invite', '--name', 'attic', '--ttl', '1h']);
    admit(new Folder(folder), asks(invite, 'a').request as VerifiedJoin, nowUnixS);
    const { stdout } = await call(folder, set('attic', '--name', 'loft'));
    expect(stdout).not.toContain('rustynet exit');
    const message = /used already: "member remove loft" takes its router out/;
    await refused(folder, ['invite', 'revoke', id], { code: 'used', message });
  });
});

describe('the policy stays good', () => {
  const exits = (via: string): object => ({
    rules: [],
    exits: [{ from: ['any'], via: [via], protocols: ['any'] }],
  });

  it.each(['member:home', 'tag:far', 'any'])('the role of an exit by %s stays until the rule is gone', async (via) => {
    await done(folder, set('home', '--role', 'exit', '--tag', 'far'));
    await policy(exits(via));
    const got = via === 'any' ? 'home laptop office' : 'home';
    const message = new RegExp(`wanted a member with the role exit for exit 1, got ${got} without it: .*"policy set"`);
    await refused(folder, set('home', '--role', 'client'), { code: 'no-exit', message });
    await done(folder, set('home', '--subnet', '192.168.9.0/24', '--name', 'attic'));
    expect(entry('attic').roles).toEqual(['exit', 'subnet-router']);
    await policy({ rules: [] });
    await done(folder, set('attic', '--role', 'client', '--no-subnet'));
    expect(entry('attic').roles).toEqual(['client']);
  });

  it('a tag that nobody has any more is said, and so is a test that fails', async () => {
    const rules = [{ from: ['any'], to: ['tag:work'], protocols: ['any'] }];
    await policy({ rules, tests: [{ allow: 'laptop -> office icmp' }] });
    const { code, stderr } = await call(folder, set('office', '--no-tag'));
    expect([code, stderr.split('\n')]).toEqual([
      0,
      [
        'warning: wanted a member with the tag work for rule 1, got none',
        expect.stringMatching(
          /^warning: wanted "laptop -> office icmp" allowed by test 1, got .*: "sign" refuses that$/,
        ),
        '',
      ],
    ]);
  });

  it('what was wrong before is no reason to refuse', async () => {
    await done(folder, set('home', '--role', 'exit'));
    await policy(exits('member:home'));
    const members = json(folder, 'members.json');
    members.members[0].roles = ['subnet-router'];
    writeFileSync(join(folder, 'members.json'), JSON.stringify(members));
    await done(folder, set('home', '--name', 'attic'));
    await done(folder, set('attic', '--role', 'exit'));
    await done(folder, ['policy', 'check']);
  });
});
