import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeInvite } from '../../src/trust/invite.ts';
import { call, contents, dayS, done, file, json, nowUnixS, populated, refused } from './operator.ts';

const policy = file('{"rules":[{"from":["member:laptop"],"to":["tag:work"],"protocols":["tcp:22"]}]}');

describe('show, verify and invite', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await populated();
    await done(folder, ['policy', 'set', policy]);
    await done(folder, ['sign']);
  });

  it('show tells what is signed and what is not yet', async () => {
    const shown = await done(folder, ['show']);
    expect(shown).toMatchObject({
      name: 'home',
      root: { version: 1, expires: nowUnixS + 365 * dayS },
      map: { epoch: 1, issued: nowUnixS, expires: nowUnixS + 14 * dayS },
      unsigned: [],
    });
    const other = await populated();
    await done(other, ['sign']);
    await done(other, ['member', 'remove', 'laptop']);
    expect((await done(other, ['show'])).unsigned).toEqual(['- member laptop']);
    const { stdout } = await call(folder, ['show']);
    for (const words of [
      'epoch 1',
      'home',
      'member:laptop -> tag:work  tcp:22',
      'ends 2027-01-29 08:00:00 UTC (in 14d)',
    ]) {
      expect(stdout).toContain(words);
    }
  });

  const rows: readonly [days: number, warning: RegExp | undefined][] = [
    [0, undefined],
    [10.4, undefined],
    [10.5, /three quarters of the map's time are over, it ends in 3d 12h: sign again/],
    [14, /the map ended 0s ago: routers are closed/],
  ];
  it.each(rows)('after %d days show warns as it must', async (days, warning) => {
    const { code, stderr } = await call(folder, ['show'], { nowUnixS: nowUnixS + days * dayS });
    expect(code).toBe(0);
    if (warning === undefined) expect(stderr).toBe('');
    else expect(stderr).toMatch(warning);
  });

  it('verify says ok to what a router would believe, and names the first thing that it would not', async () => {
    const { map, root } = await done(folder, ['verify']);
    expect(map).toMatchObject({ epoch: 1, expires: nowUnixS + 14 * dayS });
    expect(root.digest).toBe(json(folder, 'network.json').rootDigest);
    const wanted = { code: 'expired', message: /signed\/map\.json: wanted a map that lasts beyond/ };
    await refused(folder, ['verify'], wanted, { nowUnixS: nowUnixS + 14 * dayS });
  });

  it('verify finds a byte that was changed in any signed file', async () => {
    const other = await populated();
    await refused(other, ['verify'], { code: 'not-signed', message: /wanted signed\/map\.json, got none: run sign/ });
    await done(other, ['sign']);
    for (const name of Object.keys(contents(other)).filter((each) => each.startsWith('signed/'))) {
      const path = join(other, name);
      const bytes = readFileSync(path);
      const at = bytes.length >> 1;
      writeFileSync(
        path,
        bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)),
      );
      const { code, stdout } = await call(other, ['verify', '--json']);
      expect({ name, code, error: typeof JSON.parse(stdout).error.message }).toEqual({
        name,
        code: 1,
        error: 'string',
      });
      writeFileSync(path, bytes);
    }
    await done(other, ['verify']);
  });

  it('an invite pins the root of the folder and carries the login', async () => {
    const ca = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    const login = ['--user', 'router', '--password-file', file('s3cret\n'), '--ca', file(ca)];
    const { code, stdout, stderr } = await call(folder, ['invite', '--broker', 'mqtts://b.example', ...login]);
    expect(code).toBe(0);
    expect(decodeInvite(stdout.trimEnd())).toEqual({
      network: json(folder, 'network.json').network,
      root: { version: 1, digest: json(folder, 'network.json').rootDigest },
      broker: { url: 'mqtts://b.example', ca, user: 'router', password: 's3cret' },
      issuedUnixS: nowUnixS,
    });
    expect(stderr).toContain("it holds the broker's password");
    const open = await call(folder, ['invite']);
    expect(open.stderr).toBe('');
    expect(decodeInvite(open.stdout.trimEnd())).toMatchObject({ broker: { url: 'mqtt://127.0.0.1' } });
  });

  const misused: readonly [string, readonly string[], { code: string; message: RegExp; exit?: number }][] = [
    ['a password for nobody', ['--password-file', file('x')], { code: 'usage', message: /wanted --user/, exit: 2 }],
    ['a CA without TLS', ['--ca', file('x')], { code: 'usage', message: /wanted mqtts:\/\/ with --ca/, exit: 2 }],
    [
      'a CA that is no certificate',
      ['--broker', 'mqtts://b.example', '--ca', file('x')],
      { code: 'bad-file', message: /wanted certificates in PEM/ },
    ],
    [
      'an empty password',
      ['--user', 'a', '--password-file', file('\n')],
      { code: 'bad-file', message: /wanted 1 to 256 characters/ },
    ],
  ];
  it.each(misused)('an invite refuses %s', async (_sentence, argv, wanted) => {
    await refused(folder, ['invite', ...argv], wanted);
  });
});
