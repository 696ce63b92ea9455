import { copyFileSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeRoot } from '../../src/trust/root.ts';
import { rootType } from '../../src/trust/limits.ts';
import { digestOf } from '../../src/trust/words.ts';
import { envelopeOf, owner, rootOf, secondMapSigner, secondOwner } from '../trust/network.ts';
import { call, contents, copyOf, dayS, done, json, network, nowUnixS, passphrase, populated } from './operator.ts';
import { refused, type Answer } from './operator.ts';

const rotate = ['root', 'rotate', '--work-factor', '15'];
const payloadOf = (folder: string, name: string): Answer =>
  JSON.parse(Buffer.from(json(folder, name).payload, 'base64').toString());
const shownRoots = async (folder: string): Promise<Answer> => (await done(folder, ['root', 'show'])).roots;

let template = '';
beforeAll(async () => {
  template = await populated();
  await done(template, ['sign']);
});

describe('root renew', () => {
  it('signs the next root with the same keys and a later end, and touches nothing else', async () => {
    const folder = copyOf(template);
    const before = contents(folder);
    const later = nowUnixS + 100 * dayS;
    await done(folder, ['root', 'renew'], { nowUnixS: later });
    const { 'signed/root/2.json': made, ...rest } = contents(folder);
    expect(rest).toEqual(before);
    expect(made).toBeDefined();
    const [first, second] = ['1', '2'].map((version) => payloadOf(folder, `signed/root/${version}.json`));
    expect(second).toEqual({ ...first, version: 2, expires: later + 365 * dayS });
    expect(json(folder, 'signed/root/2.json').signatures).toHaveLength(1);
  });

  it('keeps the last map good, and the next one names the new root', async () => {
    const folder = copyOf(template);
    await done(folder, ['root', 'renew', '--root-lifetime', '500d']);
    expect(await done(folder, ['verify'])).toMatchObject({ root: { version: 2 }, map: { epoch: 1 } });
    expect(await done(folder, ['show'])).toMatchObject({
      root: { version: 2, expires: nowUnixS + 500 * dayS },
      unsigned: ['~ root version 1 => 2'],
    });
    await done(folder, ['sign']);
    expect(payloadOf(folder, 'signed/map.json')).toMatchObject({ epoch: 2, root: 2 });
    expect(await done(folder, ['verify'])).toMatchObject({ root: { version: 2 }, map: { epoch: 2 } });
  });

  it('brings a network back whose root has ended, as often as it must', async () => {
    const folder = copyOf(template);
    for (const [version, days] of [
      [2, 400],
      [3, 800],
    ] as const) {
      const late = { nowUnixS: nowUnixS + days * dayS };
      await refused(folder, ['sign', '--yes'], { code: 'expired', message: /wanted a root that lasts beyond/ }, late);
      await done(folder, ['root', 'renew'], late);
      await done(folder, ['sign'], late);
      expect(await done(folder, ['verify'], late)).toMatchObject({ root: { version }, map: { epoch: version } });
    }
  });

  it('shows what changes, asks, and signs only after a yes', async () => {
    const folder = copyOf(template);
    const before = contents(folder);
    const no = await call(folder, ['root', 'renew', '--root-lifetime', '730d'], { env: {} });
    expect(no).toMatchObject({ code: 1, stderr: 'rustynet-operator: wanted a yes, got none: nothing was signed\n' });
    expect(contents(folder)).toEqual(before);
    expect(no.questions.map((question) => question.split('\n'))).toEqual([
      [
        '~ root version 1 => 2',
        '~ end 2028-01-15 08:00:00 UTC => 2029-01-14 08:00:00 UTC',
        'Sign root version 2, which ends 2029-01-14 08:00:00 UTC (in 730d)?',
      ],
    ]);
    expect((await call(folder, ['root', 'renew', '--root-lifetime', '730d'], { answer: true })).code).toBe(0);
    expect(await shownRoots(folder)).toHaveLength(2);
  });
});

describe('root rotate', () => {
  it('--map replaces the map key alone, keeps the old one, and the next sign uses the new one', async () => {
    const folder = copyOf(template);
    const before = contents(folder);
    const { retired } = await done(folder, [...rotate, '--map']);
    const [first, second] = await shownRoots(folder);
    expect(second).toMatchObject({ version: 2, expires: first.expires, root: first.root });
    expect(second.map).toEqual({ threshold: 1, keys: [expect.not.stringMatching(first.map.keys[0])] });
    expect(retired).toEqual([`keys/retired/${first.map.keys[0]}.age`]);
    const after = contents(folder);
    expect(after[retired[0]]).toBe(before['keys/map.age']);
    expect(after['keys/root.age']).toBe(before['keys/root.age']);
    expect(after['keys/map.age']).not.toBe(before['keys/map.age']);
    expect(statSync(join(folder, 'keys/map.age')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'keys/next'))).toEqual([]);
    const { epoch } = await done(folder, ['sign']);
    expect(epoch).toBe(2);
    expect(payloadOf(folder, 'signed/map.json')).toMatchObject({ epoch: 2, root: 2 });
    expect(json(folder, 'signed/map.json').signatures.map(({ keyid }: Answer) => keyid)).toEqual(second.map.keys);
    expect(await done(folder, ['verify'])).toMatchObject({ root: { version: 2 }, map: { epoch: 2 } });
  });

  it('--map retires the last map: verify and publish refuse it, show tells, sign mends it', async () => {
    const folder = copyOf(template);
    await done(folder, [...rotate, '--map']);
    const message =
      /signed\/map\.json: wanted a map of the map keys of root version 2, got one of keys that it replaced/;
    for (const verb of ['verify', 'publish']) await refused(folder, [verb], { code: 'not-signed', message });
    const { code, stdout, stderr } = await call(folder, ['show']);
    expect({ code, epoch: stdout.includes('epoch 1') }).toEqual({ code: 0, epoch: true });
    expect(stderr).toBe('warning: a newer root replaced the keys of the last map: sign again, then publish\n');
    const { stdout: told } = await call(folder, ['sign', '--yes']);
    expect(told).toContain('since epoch 1:\n~ root version 1 => 2\n');
    await done(folder, ['verify']);
  });

  it('--root is signed by the old owner and the new one, and keeps the last map good', async () => {
    const folder = copyOf(template);
    const before = contents(folder);
    const { retired } = await done(folder, [...rotate, '--root', '--root-lifetime', '1000d']);
    const [first, second] = await shownRoots(folder);
    expect(second).toMatchObject({ expires: nowUnixS + 1000 * dayS, map: first.map });
    const signers = json(folder, 'signed/root/2.json').signatures.map(({ keyid }: Answer) => keyid);
    expect(signers).toEqual([...first.root.keys, ...second.root.keys]);
    expect(new Set(signers).size).toBe(2);
    expect(contents(folder)[retired[0]]).toBe(before['keys/root.age']);
    expect(await done(folder, ['verify'])).toMatchObject({ root: { version: 2 }, map: { epoch: 1 } });
    await done(folder, ['root', 'renew', '--root-lifetime', '1001d']);
    expect(json(folder, 'signed/root/3.json').signatures).toMatchObject([{ keyid: second.root.keys[0] }]);
  });

  it('--map and --root together are one root; again and again they leave one key a role and all the old ones', async () => {
    const folder = copyOf(template);
    for (const version of [2, 3]) {
      await done(folder, [...rotate, '--map', '--root']);
      await done(folder, ['sign']);
      expect(await done(folder, ['verify'])).toMatchObject({ root: { version }, map: { epoch: version } });
    }
    const roots = await shownRoots(folder);
    const ids = roots.slice(0, 2).flatMap(({ root, map }: Answer) => [...root.keys, ...map.keys]);
    expect(readdirSync(join(folder, 'keys/retired')).sort()).toEqual(ids.map((id: string) => `${id}.age`).sort());
    expect(readdirSync(join(folder, 'keys')).sort()).toEqual(['map.age', 'next', 'retired', 'root.age']);
  });

  it('needs only the root key: a map key that was lost is replaced', async () => {
    const folder = copyOf(template);
    rmSync(join(folder, 'keys/map.age'));
    expect((await done(folder, [...rotate, '--map'])).retired).toEqual([]);
    await done(folder, ['sign']);
    await done(folder, ['verify']);
    expect(existsSync(join(folder, 'keys/retired'))).toBe(false);
  });

  it('asks with the ids of the keys', async () => {
    const { questions } = await call(copyOf(template), [...rotate, '--map'], { env: {} });
    expect(questions).toHaveLength(1);
    expect(questions[0]).toMatch(
      /^~ root version 1 => 2\n~ map key [0-9a-f]{64} => [0-9a-f]{64}\nSign root version 2,/,
    );
  });
});

describe('what is refused changes nothing', () => {
  const wrong = { env: { RUSTYNET_PASSPHRASE: `${passphrase} ` } };
  const rows: readonly [string, readonly string[], { code: string; message: RegExp; exit?: number }, object?][] = [
    [
      'an end before the present one',
      ['root', 'renew', '--root-lifetime', '364d'],
      { code: 'not-later', message: /wanted an end after that of root version 1, 2028-01-15 .*, got 2028-01-14 / },
    ],
    [
      'a renewal by a clock of 1970',
      ['root', 'renew'],
      { code: 'not-later', message: /got 1971-01-01 .*: give a longer --root-lifetime/ },
      { nowUnixS: 0 },
    ],
    [
      'a lifetime of an hour',
      ['root', 'renew', '--root-lifetime', '1h'],
      { code: 'usage', message: /wanted a time from 24h to 3650d.*, got "1h"/, exit: 2 },
    ],
    ['a rotation of nothing', rotate, { code: 'usage', message: /wanted --map, --root or both, got neither/, exit: 2 }],
    [
      'a cheap passphrase',
      ['root', 'rotate', '--map', '--work-factor', '14'],
      { code: 'usage', message: /wanted a number from 15 to 20 .*, got "14"/, exit: 2 },
    ],
    [
      'new keys for a root that has ended',
      [...rotate, '--map'],
      { code: 'expired', message: /wanted a root that lasts beyond .*, got one that ended .*: give --root-lifetime/ },
      { nowUnixS: nowUnixS + 365 * dayS },
    ],
    [
      'the wrong passphrase for a renewal',
      ['root', 'renew', '--root-lifetime', '400d'],
      { code: 'wrong-passphrase', message: /keys\/root\.age: wanted its passphrase, got another/ },
      wrong,
    ],
    [
      'the wrong passphrase for a rotation',
      [...rotate, '--map', '--root'],
      { code: 'wrong-passphrase', message: /keys\/root\.age: wanted its passphrase, got another/ },
      wrong,
    ],
  ];
  it.each(rows)('%s', async (_sentence, argv, wanted, conditions = {}) => {
    const yes = wanted.exit === 2 ? [] : ['--yes'];
    await refused(copyOf(template), [...argv, ...yes], wanted, conditions);
  });

  it('a folder without a network', async () => {
    const folder = copyOf(template);
    rmSync(join(folder, 'network.json'));
    for (const verb of [['show'], ['renew'], ['rotate', '--map']]) {
      await refused(folder, ['root', ...verb], { code: 'no-network', message: /wanted a network in/ });
    }
  });

  it('retired keys put back into their places', async () => {
    const folder = copyOf(template);
    const { retired } = await done(folder, [...rotate, '--map', '--root']);
    const [ownerFile, mapFile] = retired as [string, string];
    copyFileSync(join(folder, ownerFile), join(folder, 'keys/root.age'));
    copyFileSync(join(folder, mapFile), join(folder, 'keys/map.age'));
    const of = (role: string): RegExp =>
      new RegExp(`keys/${role}\\.age: wanted the ${role} key [0-9a-f]{64} of root version 2, got [0-9a-f]{64}`);
    await refused(folder, ['sign', '--yes'], { code: 'wrong-key', message: of('map') });
    const renew = ['root', 'renew', '--root-lifetime', '400d', '--yes'];
    await refused(folder, renew, { code: 'wrong-key', message: of('root') });
  });

  it('a second root that the first owner did not sign, whatever is asked', async () => {
    const folder = copyOf(template);
    const { network: id } = json(folder, 'network.json');
    const forged = envelopeOf(rootType, encodeRoot(rootOf({ network: id, version: 2 })), [owner]);
    writeFileSync(join(folder, 'signed/root/2.json'), forged);
    for (const argv of [
      ['root', 'show'],
      ['verify'],
      ['show'],
      ['sign', '--yes'],
      ['root', 'renew', '--yes'],
      ['invite'],
    ]) {
      const message = /signed\/root\/2\.json: wanted 1 signers of root version 1, got 0/;
      await refused(folder, argv, { code: 'too-few-signers', message });
    }
  });

  it('to replace one of several keys, whose owners this folder does not know', async () => {
    const folder = await network();
    const settings = json(folder, 'network.json');
    const map = { keys: [owner.key, secondMapSigner.key], threshold: 2 };
    const root = rootOf({ network: settings.network, root: { keys: [owner.key, secondOwner.key], threshold: 2 }, map });
    writeFileSync(join(folder, 'signed/root/1.json'), envelopeOf(rootType, encodeRoot(root), [owner, secondOwner]));
    const pinned = { ...settings, rootDigest: digestOf(encodeRoot(root)) };
    writeFileSync(join(folder, 'network.json'), JSON.stringify(pinned));
    expect(await shownRoots(folder)).toMatchObject([{ root: { threshold: 2 }, map: { threshold: 2 } }]);
    const wanted = { code: 'many-keys', message: /wanted one map key to replace, got 2/ };
    await refused(folder, [...rotate, '--map', '--yes'], wanted);
  });
});

describe('root show', () => {
  it('tells of each root its end, digest, keys and how many must sign, in words, too', async () => {
    const folder = copyOf(template);
    await done(folder, [...rotate, '--map']);
    const [first, second] = await shownRoots(folder);
    expect(first.digest).toBe(json(folder, 'network.json').rootDigest);
    const { stdout } = await call(folder, ['root', 'show']);
    expect(stdout.split('\n')).toEqual([
      ...[first, second].flatMap(({ version, digest, root, map }: Answer) => [
        `root version ${version}, ends 2028-01-15 08:00:00 UTC (in 365d)`,
        `  digest   ${digest}`,
        `  root key ${root.keys[0]} (1 of 1 must sign)`,
        `  map key  ${map.keys[0]} (1 of 1 must sign)`,
      ]),
      '',
    ]);
  });

  const rows: readonly [days: number, renewed: boolean, warning: RegExp | undefined][] = [
    [270, false, undefined],
    [275, false, /^warning: the root ends in 90d, and routers close then: run root renew$/m],
    [365, false, /^warning: the root ended 0s ago: routers are closed; run root renew$/m],
    [365, true, undefined],
    [900, true, /^warning: the root ends in 65d, and routers close then: run root renew$/m],
  ];
  it.each(rows)('after %d days (renewed after 600: %s) show warns as it must', async (days, renewed, warning) => {
    const folder = copyOf(template);
    if (renewed) await done(folder, ['root', 'renew'], { nowUnixS: nowUnixS + 600 * dayS });
    const { stderr } = await call(folder, ['show'], { nowUnixS: nowUnixS + days * dayS });
    if (warning === undefined) expect(stderr).not.toContain('the root');
    else expect(stderr).toMatch(warning);
  });
});
