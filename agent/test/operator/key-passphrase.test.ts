/** Another passphrase for the keys of a folder: what opens with which, also when the run is cut off at any write. */
import { Decrypter, armor } from 'age-encryption';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Given } from '../../src/operator/args.ts';
import { Folder } from '../../src/operator/folder.ts';
import { changePassphrase } from '../../src/operator/key-passphrase.ts';
import { Refused } from '../../src/operator/refused.ts';
import { call, contents, copyOf, done, emptyFolder, file, passphrase, populated, refused } from './operator.ts';

/** Of what changes a file: so many more happen, then nothing does. */
const power = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>();
  const cut =
    <Args extends unknown[], Result>(change: (...args: Args) => Result) =>
    (...args: Args): Result => {
      power.left -= 1;
      if (power.left < 0) throw new Error('power cut');
      return change(...args);
    };
  return {
    ...real,
    writeFileSync: cut(real.writeFileSync),
    renameSync: cut(real.renameSync),
    rmSync: cut(real.rmSync),
  };
});

const fresh = 'another battery';
const workFactor = ['--work-factor', '15'];
const change = ['key', 'passphrase', ...workFactor];
/** What a person types: the passphrase, and the new one twice. */
const typed = (before = passphrase, after = fresh) => ({ env: {}, secrets: [before, after, after] });

let keys = '';
let network = '';
beforeAll(async () => {
  keys = emptyFolder();
  for (const kind of ['owner', 'map']) await done(keys, ['key', 'new', kind, ...workFactor]);
  network = await populated();
  await done(network, ['root', 'rotate', '--map', '--root', ...workFactor]);
});

const keyFiles = (folder: string): string[] =>
  Object.keys(contents(folder)).filter((name) => /^keys\/.*\.age$/.test(name));

async function secretIn(path: string, secret: string): Promise<string | undefined> {
  const open = new Decrypter();
  open.addPassphrase(secret);
  return open.decrypt(armor.decode(fs.readFileSync(path, 'utf8')), 'text').catch(() => undefined);
}
const secretsOf = (folder: string, secret: string): Promise<(string | undefined)[]> =>
  Promise.all(keyFiles(folder).map((name) => secretIn(join(folder, name), secret)));

describe('key passphrase', () => {
  it('asks for the one before once, for the new one twice, and seals every key anew, also retired ones', async () => {
    const folder = copyOf(network);
    const [before, names] = [contents(folder), keyFiles(folder)];
    expect(names).toHaveLength(4);
    const plain = await secretsOf(folder, passphrase);
    const { code, stdout, stderr, questions } = await call(folder, change, typed());
    expect([code, questions]).toEqual([
      0,
      ['Passphrase: ', 'New passphrase for the private keys: ', 'The same again: '],
    ]);
    expect(stdout.split('\n').sort()).toEqual(['', ...names.map((name) => `${name}: has the new passphrase`)]);
    expect(stderr).toMatch(/^warning: copies of these files, .* root rotate makes fresh keys\n$/);
    expect(await secretsOf(folder, fresh)).toEqual(plain);
    expect(await secretsOf(folder, passphrase)).toEqual(names.map(() => undefined));
    const after = contents(folder);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, was] of Object.entries(before)) {
      if (names.includes(name)) expect(after[name]).toMatch(/^600 /);
      else expect([name, after[name]]).toEqual([name, was]);
    }
    await done(folder, ['sign'], { env: { RUSTYNET_PASSPHRASE: fresh } });
    await refused(folder, ['sign', '--yes'], { code: 'wrong-passphrase', message: /keys\/map\.age: wanted its/ });
  });

  it('takes both from files, and works in a folder that has keys alone', async () => {
    const folder = copyOf(keys);
    const files = ['--passphrase-file', file(`${passphrase}\n`), '--new-passphrase-file', file(`${fresh}\n`)];
    const { sealed } = await done(folder, [...change, ...files], { env: {} });
    expect(sealed).toEqual(['keys/map.age', 'keys/root.age']);
    expect(await secretsOf(folder, fresh)).not.toContain(undefined);
  });

  it.each<[string, string[], object, string, RegExp, number?]>([
    ['another passphrase than theirs', [], typed('not this one'), 'wrong-passphrase', /keys\/map\.age: .*got neither/],
    ['the passphrase that they have', [], typed(passphrase, passphrase), 'usage', /another passphrase, got the one/, 2],
    ['a short one', [], typed(passphrase, '1234567'), 'usage', /at least 8 characters, got 7/, 2],
    ['a short one of a file', ['--new-passphrase-file', file('short')], {}, 'usage', /at least 8 characters, got 5/, 2],
    [
      'two that differ',
      [],
      { env: {}, secrets: [passphrase, fresh, `${fresh}.`] },
      'usage',
      /wanted the same passphrase twice/,
      2,
    ],
  ])('refuses %s', async (_sentence, argv, conditions, code, message, exit = 1) => {
    await refused(copyOf(keys), [...change, ...argv], { code, message, exit }, conditions);
  });

  it('refuses a folder without keys, and one with a key of a third passphrase', async () => {
    await refused(emptyFolder(), change, { code: 'no-key', message: /wanted keys in .*keys, got none/ }, typed());
    const folder = copyOf(keys);
    await done(folder, ['key', 'new', 'map', ...workFactor], { env: { RUSTYNET_PASSPHRASE: 'a third one' } });
    const before = contents(folder);
    const { code, stderr } = await call(folder, change, typed());
    expect([code, contents(folder)]).toEqual([1, before]);
    expect(stderr).toMatch(/ keys\/next\/[0-9a-f]{64}\.age: wanted its passphrase, or the new one, got neither\n$/);
    await done(folder, change, typed('a third one', passphrase));
    expect(await secretsOf(folder, passphrase)).not.toContain(undefined);
  });
});

it('cut off between two files, each key opens with one of the two, and the same call ends it and leaves nothing beside', async () => {
  const folder = copyOf(keys);
  const plain = await secretsOf(folder, passphrase);
  const cutAfter = async (steps: number): Promise<void> => {
    power.left = steps;
    expect((await call(folder, change, typed())).code).toBe(1);
    power.left = Number.POSITIVE_INFINITY;
  };
  await cutAfter(2);
  expect(contents(folder)).toMatchObject(contents(keys));
  await cutAfter(3);
  const [old, next] = [await secretsOf(folder, passphrase), await secretsOf(folder, fresh)];
  expect([next[0], old.slice(1)]).toEqual([plain[0], plain.slice(1)]);
  expect(Object.keys(contents(folder))).not.toEqual(Object.keys(contents(keys)));
  const { stdout } = await call(folder, change, typed());
  expect(stdout).toContain('keys/map.age: had it already\nkeys/root.age: has the new passphrase\n');
  expect(await secretsOf(folder, fresh)).toEqual(plain);
  expect(Object.keys(contents(folder))).toEqual(Object.keys(contents(keys)));
});

it('files that are replaced together, cut off at any step: each is old or new, and none new before all are on disk', () => {
  const states: string[] = [];
  for (let good = 0; states.at(-1) !== 'new new new'; good += 1) {
    const path = emptyFolder();
    const folder = new Folder(path);
    const names = ['a', 'b', 'c/d'];
    for (const name of names) folder.write(name, 'old');
    power.left = good;
    expect(() => folder.writeAll(new Map(names.map((name) => [name, 'new'])), 0o600)).toThrow('power cut');
    power.left = Number.POSITIVE_INFINITY;
    states.push(names.map((name) => fs.readFileSync(join(path, name), 'utf8')).join(' '));
  }
  const untouched = ['old old old', 'old old old', 'old old old', 'old old old'];
  expect(states).toEqual([...untouched, 'new old old', 'new new old', 'new new new']);
});

it('says which file it wants where there is no terminal', async () => {
  const around = {
    env: { RUSTYNET_PASSPHRASE: passphrase },
    askSecret: async () => {
      throw new Refused('no-terminal', 'wanted a terminal');
    },
  };
  const asked = changePassphrase({ folder: new Folder(keys), given: new Given(new Map(), []), around } as never);
  await expect(asked).rejects.toThrow('wanted --new-passphrase-file or a terminal to ask on, got neither');
});
