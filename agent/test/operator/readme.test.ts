/** "Make a network" of README.md at its word: each command is one, and its members and its policy fit each other. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { admit } from '../../src/operator/admit.ts';
import { parseCommand } from '../../src/operator/args.ts';
import { Folder } from '../../src/operator/folder.ts';
import { loginOptions } from '../../src/operator/login.ts';
import { verbs } from '../../src/operator/verbs.ts';
import type { VerifiedJoin } from '../../src/trust/verify-join.ts';
import { memberOf } from '../trust/network.ts';
import { asks } from './joiner.ts';
import { done, file, network, nowUnixS } from './operator.ts';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
const [, section = ''] = /^## Make a network$(.*?)^## /ms.exec(readme) ?? [];
const code = section.replaceAll(/ \\\n */g, ' ').split('\n');

/** The arguments of each command, without the rest of the line. */
const commands = code.flatMap((line): string[][] => {
  const [, text] = /^ {4}rustynet-operator ([^#&]*)/.exec(line) ?? [];
  const words = text?.replace('...', '').match(/"[^"]*"|\S+/g);
  return words === null || words === undefined ? [] : [words.map((word) => word.replaceAll('"', ''))];
});

function commandOf(...words: readonly string[]): readonly string[] {
  const found = commands.find((argv) => words.every((word, at) => argv[at] === word));
  return found ?? expect.fail(`wanted "${words.join(' ')}" in README.md, got none`);
}

/** With the keys of a router where README.md has words for them. */
function withKeys(router: string, argv: readonly string[]): readonly string[] {
  const { identityKey, wireGuardKey } = memberOf(router, '10.77.0.1');
  return argv.map((word) => (word === 'HEX' ? identityKey : word === 'BASE64' ? wireGuardKey : word));
}

it('names verbs and options that there are', () => {
  expect(commands.length).toBeGreaterThan(15);
  for (const argv of commands) parseCommand(argv, verbs);
});

it('its policy is good for the two members that it makes', async () => {
  const folder = await network();
  const invite = commandOf('invite', '--name', 'attic');
  const isOfLogin = (at: number): boolean => (invite[at] ?? '').replace('--', '') in loginOptions;
  const made = await done(
    folder,
    invite.filter((_, at) => !isOfLogin(at) && !isOfLogin(at - 1)),
  );
  admit(new Folder(folder), asks(made.invite, 'attic').request as VerifiedJoin, nowUnixS);
  await done(folder, withKeys('r1', commandOf('member', 'add', 'r1')));
  const [rules = '', policy = ''] = section.match(/^ {4}\{ "rules".*?\n(?=\n)/gms) ?? [];
  const whole = policy.replace('[ ... ]', JSON.stringify(JSON.parse(rules).rules));
  await done(folder, commandOf('member', 'set', 'attic'));
  await done(folder, commandOf('policy', 'set').with(-1, file(whole)));
  expect((await done(folder, commandOf('policy', 'test'))).granted).toBe('yes');
  await done(folder, ['sign']);
  await done(folder, withKeys('other', commandOf('member', 'rotate', 'r1', '--identity')));
  const { member } = await done(folder, commandOf('member', 'set', 'r1'));
  expect(member).toMatchObject({ name: 'cellar', subnets: ['192.168.1.0/24'], tags: ['lab'] });
  await done(folder, ['sign']);
});
