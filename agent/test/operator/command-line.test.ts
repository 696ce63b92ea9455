/** The tool as its user meets it: help, misuse, questions on a terminal, and the process itself. */
import { spawnSync } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { askSecret, confirm } from '../../src/operator/terminal.ts';
import { formatDuration, isLate, parseDurationS } from '../../src/operator/times.ts';
import { verbs } from '../../src/operator/verbs.ts';
import { call, emptyFolder, initArgs, json, passphrase, populated, refused } from './operator.ts';

describe('help', () => {
  it('names every verb, every option and the exit codes', async () => {
    const { code, stdout } = await call(emptyFolder(), ['--help']);
    expect(code).toBe(0);
    for (const argv of [['-h'], ['help']]) {
      expect(await call(emptyFolder(), argv)).toMatchObject({ code: 0, stdout, stderr: '' });
    }
    expect(JSON.parse((await call(emptyFolder(), ['help', '--json'])).stdout).help.join('\n')).toBe(stdout.trimEnd());
    for (const { words, options } of verbs) {
      expect(stdout).toContain(words.join(' '));
      for (const option of Object.keys(options)) expect(stdout).toContain(`--${option}`);
    }
    for (const line of [/^ +0 +done/m, /^ +1 +refused/m, /^ +2 +the command line/m]) expect(stdout).toMatch(line);
  });

  it('of one verb is about that verb, and asks for none of its options', async () => {
    const { code, stdout } = await call(emptyFolder(), ['member', 'add', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--wireguard BASE64');
    expect(stdout).not.toContain('--work-factor');
  });

  const shown: readonly [argv: readonly string[], verbs: readonly string[]][] = [
    [
      ['member', '--help'],
      ['member add', 'member set', 'member rotate', 'member remove', 'member list'],
    ],
    [
      ['help', 'key'],
      ['key new', 'key passphrase'],
    ],
    [['-h', 'member', 'set', 'attic'], ['member set']],
    [
      ['invite', '--help'],
      ['invite list', 'invite revoke', 'invite'],
    ],
    [['invite', 'list', '-h'], ['invite list']],
    [['invite', 'revoke', 'attic', '-h'], ['invite revoke']],
    [['help', 'approve', 'attic'], ['approve']],
  ];
  it.each(shown)('%j is about the verbs that begin so, and no other', async (argv, names) => {
    const { code, stdout } = await call(emptyFolder(), argv);
    expect(code).toBe(0);
    const all = [...stdout.matchAll(/^ {2}([a-z]+(?:[ -][a-z]+)*) /gm)].map(([, name]) => name);
    expect(all).toEqual(names);
  });

  it.each([[['destroy', '--help']], [['help', 'destroy']]])('%j is misuse', async (argv) => {
    await refused(emptyFolder(), argv, { code: 'usage', message: /wanted one of init, .*got "destroy"/, exit: 2 });
  });

  it('version is said without a folder', async () => {
    for (const argv of [['version'], ['--version']]) {
      expect(await call('/nowhere', argv)).toMatchObject({ code: 0, stdout: 'development\n', stderr: '' });
    }
    expect(JSON.parse((await call('/nowhere', ['--version', '--json'])).stdout)).toEqual({ version: 'development' });
  });
});

describe('what is no command is misuse', () => {
  const rows: readonly [sentence: string, argv: readonly string[], message: RegExp][] = [
    ['nothing', [], /wanted one of init, member add, .* \(see --help\), got ""/],
    ['an unknown verb', ['destroy'], /got "destroy"/],
    ['half a verb', ['member'], /got "member"/],
    ['an unknown option', ['show', '--force'], /wanted one of --network .*, got --force/],
    ['an option of another verb', ['show', '--lifetime', '3d'], /got --lifetime/],
    ['an option of the prototype', ['show', '--constructor'], /got --constructor/],
    ['a short option', ['show', '-y'], /got -y/],
    ['a word too many', ['show', 'all'], /wanted "show", got "show all"/],
    ['an option twice', ['sign', '--lifetime', '3d', '--lifetime', '4d'], /wanted --lifetime once/],
    ['an option that lost its value', ['invite', '--user', '--ca'], /wanted --user USER, got "--ca"/],
    ['an option without its value at the end', ['invite', '--user='], /wanted --user USER, got nothing/],
    ['a value for a flag', ['sign', '--yes=no'], /wanted no value for --yes, got "no"/],
  ];
  it.each(rows)('%s', async (_sentence, argv, message) => {
    await refused(await populated(), argv, { code: 'usage', message, exit: 2 });
  });
});

it('a folder where a file is wanted is named', async () => {
  const folder = await populated();
  const message = /wanted a file at \S*\/keys, got a folder$/m;
  await refused(folder, ['policy', 'check', `${folder}/keys`], { code: 'EISDIR', message });
});

it('the folder comes from --network, else from the environment, else it is the current one', async () => {
  const folder = await populated();
  const main = (args: readonly string[], env: Readonly<Record<string, string>>, cwd: string) =>
    start([...args, 'show', '--json'], env, cwd);
  for (const { args = [], env = {}, cwd = '/' } of [
    { args: ['--network', folder], env: { RUSTYNET_NETWORK: '/nowhere' } },
    { env: { RUSTYNET_NETWORK: folder } },
    { cwd: folder },
  ]) {
    const { status, stdout } = main(args, env, cwd);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).network).toBe(json(folder, 'network.json').network);
  }
  expect(main([], {}, '/').status).toBe(1);
});

function start(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string) {
  const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
  const argv = ['--import', `file://${path('node_modules/tsx/dist/loader.mjs')}`, path('agent/src/operator/main.ts')];
  return spawnSync(process.execPath, [...argv, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    encoding: 'utf8',
    input: '',
  });
}

describe('the process', () => {
  it('makes a network, signs it, and tells of failure by its exit code', () => {
    const folder = emptyFolder();
    const env = { RUSTYNET_PASSPHRASE: passphrase };
    expect(start(initArgs, env, folder)).toMatchObject({ status: 0, stderr: '' });
    expect(start(['sign', '--yes'], env, folder)).toMatchObject({ status: 0, stderr: '' });
    expect(json(folder, 'network.json').epoch).toBe(1);
    const again = start([...initArgs, '--json'], env, folder);
    expect(again).toMatchObject({ status: 1, stderr: '' });
    expect(JSON.parse(again.stdout).error.code).toBe('exists');
    expect(start(['nonsense'], env, folder)).toMatchObject({ status: 2, stdout: '' });
  });

  it('asks nobody where there is no terminal', () => {
    const folder = emptyFolder();
    expect(start(initArgs, {}, folder)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/wanted \$RUSTYNET_PASSPHRASE, --passphrase-file or a terminal/),
    });
    start(initArgs, { RUSTYNET_PASSPHRASE: passphrase }, folder);
    expect(start(['sign'], { RUSTYNET_PASSPHRASE: passphrase }, folder)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/wanted --yes or a terminal to ask on, got neither/),
    });
  });
});

describe('on a terminal', () => {
  const terminal = () => {
    const raw: boolean[] = [];
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
    const output = new PassThrough();
    return { input, output, raw, shown: (): string => String(output.read() ?? '') };
  };

  it('a secret is read in raw mode and never shown', async () => {
    const made = terminal();
    const asked = askSecret(made, 'Passphrase: ');
    made.input.write('s3cret x\x7fy\r');
    expect(await asked).toBe('s3cret y');
    expect(made.shown()).toBe('Passphrase: \n');
    expect(made.raw).toEqual([true, false]);
  });

  it('a secret is asked for only when nothing typed is echoed any more', async () => {
    const made = terminal();
    const rawWhenAsked: unknown[] = [];
    const output = new Writable({
      write: (_chunk, _encoding, written) => {
        rawWhenAsked.push(made.raw.at(-1));
        written();
      },
    });
    const asked = askSecret({ input: made.input, output }, 'Passphrase: ');
    made.input.write('s3cret\r');
    await asked;
    expect(rawWhenAsked[0]).toBe(true);
  });

  it('Ctrl-C and the end of the input are no answer', async () => {
    const [first, second] = [terminal(), terminal()];
    const asked = [askSecret(first, 'Passphrase: '), askSecret(second, 'Passphrase: ')];
    first.input.write('abc\x03');
    second.input.end();
    for (const each of asked) await expect(each).rejects.toMatchObject({ code: 'no-answer' });
    expect(first.raw).toEqual([true, false]);
  });

  const rows: readonly [typed: string, yes: boolean][] = [
    ['y', true],
    ['YES', true],
    ['', false],
    ['n', false],
    ['yeah', false],
  ];
  it.each(rows)('%j to a question is a yes: %s', async (typed, yes) => {
    const made = terminal();
    const asked = confirm(made, 'Sign?');
    made.input.write(`${typed}\n`);
    expect(await asked).toBe(yes);
    expect(made.shown()).toContain('Sign? [y/N] ');
  });
});

describe('times', () => {
  it.each([
    ['14d', 1_209_600],
    ['12h', 43_200],
    ['90m', 5_400],
    ['1s', 1],
    ['0d', undefined],
    ['1.5d', undefined],
    ['d', undefined],
    ['1w', undefined],
    [' 1d', undefined],
  ])('%j is %s seconds', (text, seconds) => expect(parseDurationS(text)).toBe(seconds));

  it.each([
    [0, '0s'],
    [59, '59s'],
    [86_400, '1d'],
    [90_061, '1d 1h'],
    [-7_200, '2h'],
  ])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it('are late from three quarters on', () => {
    expect([74, 75].map((now) => isLate(0, 100, now))).toEqual([false, true]);
  });
});
