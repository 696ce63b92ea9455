import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { addArgs, call, done, file, json, populated, refused } from './operator.ts';

/** home, office (tag work), laptop, and vps with the role exit. */
async function withExit(): Promise<string> {
  const folder = await populated();
  await done(folder, addArgs('vps', '--role', 'exit', '--tag', 'far'));
  return folder;
}

const lines = (...text: string[]): string => file(text.join('\n'));
const good = [
  '{ "rules": [',
  '    { "from": ["member:laptop"], "to": ["member:home", "192.168.1.0/24"], "protocols": ["tcp:22"] }',
  '  ],',
  '  "exits": [',
  '    { "from": ["member:laptop"], "via": ["tag:far"], "protocols": ["tcp:443", "udp:443"] }',
  '  ],',
  '  "tests": [',
  '    { "allow": "laptop -> home tcp:22" },',
  '    { "deny": "laptop -> 192.168.2.7 icmp" },',
  '    { "allow": "laptop -> internet via vps tcp:443" },',
  '    { "deny": "home -> internet tcp:443" }',
  '  ] }',
];
const but = (line: number, text: string): string => lines(...good.with(line - 1, text));

describe('a policy with exits and tests', () => {
  it('is kept with its tests, and a router is sent the exits but not the tests', async () => {
    const folder = await withExit();
    const answer = await done(folder, ['policy', 'set', lines(...good)]);
    expect(answer.tests).toHaveLength(4);
    expect(json(folder, 'policy.json')).toEqual(JSON.parse(good.join('\n')));
    await done(folder, ['policy', 'check']);
    const { difference } = await done(folder, ['sign']);
    const exit = { from: ['member:laptop'], via: ['tag:far'], protocols: ['tcp:443', 'udp:443'] };
    expect(difference.exits).toEqual({ added: [exit], removed: [] });
    const shown = await call(folder, ['show']);
    expect(shown.stdout).toContain('member:laptop -> internet via tag:far  tcp:443 udp:443');
    expect((await done(folder, ['show'])).unsigned).toEqual([]);
    await done(folder, ['policy', 'set', file('{"rules":[]}')]);
    expect((await done(folder, ['show'])).unsigned).toEqual([
      '- rule member:laptop -> member:home 192.168.1.0/24  tcp:22',
      '- exit member:laptop -> internet via tag:far  tcp:443 udp:443',
    ]);
  });

  const rule = (from: string, to: string, what: string): string =>
    `{ "from": ["${from}"], "to": ["${to}"], "protocols": ["${what}"] }`;
  const exit = (from: string, via: string): string =>
    `{ "from": ["${from}"], "via": ["${via}"], "protocols": ["any"] }`;
  const rows: readonly [sentence: string, path: string, code: string, message: RegExp][] = [
    [
      'an unknown member',
      but(2, rule('member:phone', 'any', 'any')),
      'unknown-name',
      / line 2: .*member phone for rule 1/,
    ],
    ['port 0', but(2, rule('any', 'any', 'tcp:0')), 'malformed', / line 2: .* got "tcp:0"/],
    ['port 70000', but(2, rule('any', 'any', 'udp:1-70000')), 'malformed', / line 2: .* got "udp:1-70000"/],
    ['a /33', but(2, rule('any', '10.0.0.0/33', 'any')), 'malformed', / line 2: .* got "10.0.0.0\/33"/],
    ['a prefix with host bits', but(2, rule('any', '10.0.0.1/8', 'any')), 'malformed', / line 2: .* got "10.0.0.1\/8"/],
    [
      'an exit that is not there',
      but(5, exit('any', 'member:gone')),
      'unknown-name',
      / line 5: .*member gone for exit 1/,
    ],
    ['an exit tag of nobody', but(5, exit('any', 'tag:gone')), 'unknown-name', / line 5: .*the tag gone for exit 1/],
    [
      'an exit without the role',
      but(5, exit('any', 'member:home')),
      'no-exit',
      / line 5: .*role exit for exit 1, got home/,
    ],
    ['an exit by prefix', but(5, exit('any', '10.77.0.0/16')), 'malformed', / line 5: .*any, member:NAME or tag:TAG/],
    ['an exit for a member unknown', but(5, exit('member:gone', 'any')), 'unknown-name', / line 5: .*gone for exit 1/],
    ['a missing comma', but(6, '  ]'), 'malformed', / line 7: wanted .* at character/],
    ['a test that says nothing', but(8, '{},'), 'malformed', / line 8: wanted the key "allow"/],
    ['a test of both', but(8, '{ "allow": "a -> b icmp", "deny": "a -> b icmp" },'), 'malformed', / line 8: .*"allow"/],
    [
      'a test that is no question',
      but(8, '{ "allow": "laptop home" },'),
      'malformed',
      / line 8: wanted "A -> B PROTOCOL"/,
    ],
    [
      'a test of a port range',
      but(8, '{ "allow": "laptop -> home tcp:1-9" },'),
      'malformed',
      / line 8: .*with one port/,
    ],
    [
      'a test of a stranger',
      but(8, '{ "allow": "phone -> home icmp" },'),
      'unknown-name',
      / line 8: .*phone for test 1/,
    ],
    [
      'a test that is allowed and is not',
      but(8, '{ "allow": "laptop -> home tcp:23" },'),
      'policy-test',
      / line 8: wanted "laptop -> home tcp:23" allowed by test 1, got 10\.77\.0\.3 -> 10\.77\.0\.1: not granted: rule 1 grants tcp:22, not tcp:23/,
    ],
    [
      'a test that is denied and is not',
      but(9, '{ "deny": "laptop -> 192.168.1.7 tcp:22" },'),
      'policy-test',
      / line 9: wanted .* denied by test 2, got .*granted by rule 1 \(member:laptop -> member:home 192.168.1.0\/24 {2}tcp:22\)/,
    ],
  ];
  it.each(rows)('is refused with its line, on check and on set: %s', async (_sentence, path, code, message) => {
    const folder = await withExit();
    for (const verb of ['check', 'set']) await refused(folder, ['policy', verb, path], { code, message });
  });

  it('that a test does not hold any more is not signed', async () => {
    const folder = await withExit();
    await done(folder, ['policy', 'set', lines(...good)]);
    const kept = json(folder, 'policy.json');
    kept.rules[0].protocols = ['tcp:80'];
    writeFileSync(join(folder, 'policy.json'), JSON.stringify(kept, undefined, 1));
    const message = /policy\.json line [0-9]+: wanted "laptop -> home tcp:22" allowed by test 1/;
    await refused(folder, ['sign', '--yes'], { code: 'policy-test', message });
    await refused(folder, ['policy', 'check'], { code: 'policy-test', message });
  });

  it('whose exit lost the role or the member is not signed', async () => {
    const folder = await withExit();
    await done(folder, [
      'policy',
      'set',
      lines(...good.with(4, exit('any', 'member:vps')).with(10, ']}').slice(0, 6), '"tests":[]}'),
    ]);
    await refused(folder, ['member', 'remove', 'vps'], {
      code: 'conflict',
      message: /no rule that names vps, got exit 1/,
    });
    const members = json(folder, 'members.json');
    for (const member of members.members) member.roles = member.roles.filter((role: string) => role !== 'exit');
    writeFileSync(join(folder, 'members.json'), JSON.stringify(members));
    const message = /policy\.json line [0-9]+: wanted a member with the role exit for exit 1, got vps without it/;
    await refused(folder, ['sign', '--yes'], { code: 'no-exit', message });
  });
});

describe('policy test', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await withExit();
    await done(folder, ['policy', 'set', lines(...good)]);
  });
  const rows: readonly [question: string, granted: string, line: RegExp][] = [
    [
      'laptop -> home tcp:22',
      'yes',
      /10\.77\.0\.3 -> 10\.77\.0\.1: granted by rule 1 \(member:laptop -> .* {2}tcp:22\), by member:laptop -> member:home tcp:22$/m,
    ],
    [
      'laptop -> 192.168.1.7 tcp:22',
      'yes',
      /-> 192\.168\.1\.7: granted by rule 1 .*by member:laptop -> 192\.168\.1\.0\/24 tcp:22$/m,
    ],
    ['10.77.0.3->10.77.0.1 tcp:22', 'yes', /granted by rule 1/],
    ['home -> laptop tcp:22', 'no', /not granted: no rule names 10\.77\.0\.1 \(home\) as a source/],
    ['laptop -> home udp:22', 'no', /not granted: rule 1 grants tcp:22, not udp:22/],
    ['laptop -> 192.168.2.7 tcp:22', 'no', /not granted: no rule that names laptop/],
    [
      'laptop -> internet via vps tcp:443',
      'yes',
      /10\.77\.0\.3 -> internet via vps: granted by exit 1 .*by member:laptop -> tag:far tcp:443$/m,
    ],
    ['laptop -> internet udp:443', 'yes', /-> internet: granted by exit 1/],
    ['laptop -> internet via home tcp:443', 'no', /not granted: home has not the role exit/],
    ['laptop -> fd00::1 tcp:22', 'no', /no member owns fd00::1/],
    ['10.77.0.3 -> fd00::1 tcp:22', 'no', /no member owns fd00::1/],
  ];
  it.each(rows)('%s: %s', async (question, granted, line) => {
    expect((await done(folder, ['policy', 'test', question])).granted).toBe(granted);
    expect((await call(folder, ['policy', 'test', question])).stdout).toMatch(line);
  });

  it('says so when only one family is granted', async () => {
    const other = await withExit();
    const path = file('{"rules":[{"from":["10.77.0.3/32"],"to":["any"],"protocols":["any"]}]}');
    await done(other, ['policy', 'set', path]);
    const { granted, verdicts } = await done(other, ['policy', 'test', 'laptop -> home icmp']);
    expect(granted).toBe('in part');
    expect(verdicts).toEqual([
      expect.objectContaining({
        from: '10.77.0.3',
        by: [expect.objectContaining({ number: 1, from: '10.77.0.3/32' })],
      }),
      expect.objectContaining({ from: expect.stringMatching(/^fd/), why: expect.stringMatching(/^no rule names fd/) }),
    ]);
    for (const expects of ['allow', 'deny']) {
      const text = JSON.stringify({ ...json(other, 'policy.json'), tests: [{ [expects]: 'laptop -> home icmp' }] });
      await refused(other, ['policy', 'set', file(text)], { code: 'policy-test', message: /by test 1, got/ });
    }
  });

  it('refuses a stranger and what is no question', async () => {
    const wanted = { code: 'unknown-name', message: /wanted the name of a member, got "phone"/ };
    await refused(folder, ['policy', 'test', 'phone -> home icmp'], wanted);
    for (const question of [
      'laptop home icmp',
      'laptop -> home',
      'internet -> home icmp',
      'laptop -> home via vps icmp',
    ]) {
      const message = /wanted "A -> B PROTOCOL"/;
      await refused(folder, ['policy', 'test', question], { code: 'usage', message, exit: 2 });
    }
  });
});
