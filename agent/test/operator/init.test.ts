import { Decrypter, armor } from 'age-encryption';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deriveUla } from '../../src/trust/ip.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { verifyPinnedRoot } from '../../src/trust/root.ts';
import { call, contents, dayS, done, emptyFolder, initArgs, json, network, nowUnixS, passphrase } from './operator.ts';
import { file, refused } from './operator.ts';

describe('init', () => {
  it('makes a folder that holds a network, two keys and a root of a year', async () => {
    const folder = join(emptyFolder(), 'new');
    const answer = await done(folder, initArgs);
    const settings = json(folder, 'network.json');
    expect(settings).toEqual({
      format: 1,
      network: expect.stringMatching(/^[0-9a-f]{32}$/),
      name: 'home',
      createdUnixS: nowUnixS,
      ranges: [expect.stringMatching(/^10\.[0-9]+\.0\.0\/16$/), deriveUla(settings.network)],
      zone: 'home.mesh.internal',
      resolvers: [],
      broker: { url: 'mqtt://127.0.0.1' },
      lifetimeS: 14 * dayS,
      rootDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      epoch: 0,
    });
    expect(answer).toMatchObject({ network: settings.network, ranges: settings.ranges });
    const root = verifyPinnedRoot(
      readFileSync(join(folder, 'signed/root/1.json')),
      settings.rootDigest,
      settings.network,
    );
    if (isRefusal(root)) throw new Error(root.detail);
    expect(root).toMatchObject({ version: 1, expiresUnixS: nowUnixS + 365 * dayS });
    expect(root.root.keys).not.toEqual(root.map.keys);
    expect(json(folder, 'members.json')).toEqual({ format: 1, members: [] });
    expect(json(folder, 'policy.json')).toEqual({ rules: [], exits: [], tests: [] });
  });

  it('says that nobody reaches anybody yet', async () => {
    const { code, stdout } = await call(emptyFolder(), initArgs);
    expect(code).toBe(0);
    expect(stdout).toContain('members reach nobody until "policy set" allows it');
    expect(stdout).toMatch(/^next: broker-config, invite, approve or serve, policy set, sign, publish$/m);
  });

  it('takes over what it is told', async () => {
    const folder = emptyFolder();
    const more = ['--range', '172.16.0.0/12', '--zone', 'mesh.example', '--lifetime', '12h', '--root-lifetime', '30d'];
    await done(folder, [...initArgs, ...more]);
    expect(json(folder, 'network.json')).toMatchObject({ zone: 'mesh.example', lifetimeS: 12 * 3600 });
    expect(json(folder, 'network.json').ranges[0]).toBe('172.16.0.0/12');
    expect(JSON.parse((await call(folder, ['show', '--json'])).stdout).root.expires).toBe(nowUnixS + 30 * dayS);
  });

  it('makes another network each time', async () => {
    const folders = [emptyFolder(), emptyFolder()];
    for (const folder of folders) await done(folder, initArgs);
    const [first, second] = folders.map((folder) => json(folder, 'network.json'));
    expect(first.network).not.toBe(second.network);
    expect(first.rootDigest).not.toBe(second.rootDigest);
  });
});

describe('private keys', () => {
  it('are files for their owner alone, which age opens with the passphrase and with no other', async () => {
    const folder = await network();
    for (const role of ['root', 'map']) {
      const path = join(folder, `keys/${role}.age`);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const bytes = armor.decode(readFileSync(path, 'utf8'));
      expect(Buffer.from(bytes).toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ 15\n/);
      const open = new Decrypter();
      open.addPassphrase(passphrase);
      const { secret, ...rest } = JSON.parse(await open.decrypt(bytes, 'text'));
      expect(rest).toEqual({ format: 1, network: json(folder, 'network.json').network, role });
      expect(secret).toMatch(/^[0-9a-f]{64}$/);
      const everything = Object.values(contents(folder)).map((line) => Buffer.from(line.split(' ')[1] ?? '', 'base64'));
      expect(everything.some((each) => each.includes(secret) || each.includes(Buffer.from(secret, 'hex')))).toBe(false);
      const closed = new Decrypter();
      closed.addPassphrase(`${passphrase}.`);
      await expect(closed.decrypt(bytes)).rejects.toThrow();
    }
  });

  it('get the passphrase of a file without its line end, of the environment, or typed twice', async () => {
    const ways = [
      {
        argv: ['--passphrase-file', file(`${passphrase}\n`)],
        conditions: { env: { RUSTYNET_PASSPHRASE: 'not this one' } },
      },
      { argv: [], conditions: { env: { RUSTYNET_PASSPHRASE: passphrase } } },
      { argv: [], conditions: { env: {}, secrets: [passphrase, passphrase] } },
    ];
    for (const { argv, conditions } of ways) {
      const folder = emptyFolder();
      await done(folder, [...initArgs, ...argv], conditions);
      await done(folder, ['sign'], { env: {}, secrets: [passphrase] });
      expect(existsSync(join(folder, 'signed/map.json'))).toBe(true);
    }
  });
});

describe('init refuses', () => {
  const change = (option: string, value: string): readonly string[] => {
    const at = initArgs.indexOf(option);
    return at < 0 ? [...initArgs, option, value] : initArgs.with(at + 1, value);
  };
  const rows: readonly [sentence: string, argv: readonly string[], message: RegExp][] = [
    ['a name that is no label', change('--name', 'Home'), /wanted a label .* for --name, got "Home"/],
    ['a broker without a scheme', change('--broker', 'b.example'), /wanted mqtt:.* for --broker, got "b.example"/],
    ['a range with host bits', change('--range', '10.0.0.1/16'), /wanted an IPv4 prefix .*, got "10.0.0.1\/16"/],
    ['an IPv6 range', change('--range', 'fd00::/48'), /wanted an IPv4 prefix/],
    ['a range of everything', change('--range', '0.0.0.0/0'), /wanted an IPv4 prefix from \/8/],
    ['a range of one address', change('--range', '10.0.0.0/31'), /wanted an IPv4 prefix from \/8 to \/30/],
    ['a zone with a dot at its end', change('--zone', 'mesh.'), /wanted a domain name.*, got "mesh\."/],
    ['a lifetime of minutes', change('--lifetime', '59m'), /wanted a time from 1h to 90d.*, got "59m"/],
    ['a lifetime of a year', change('--lifetime', '365d'), /wanted a time from 1h to 90d.*, got "365d"/],
    ['a lifetime without a unit', change('--lifetime', '86400'), /wanted a time .*, got "86400"/],
    ['a root of an hour', change('--root-lifetime', '1h'), /wanted a time from 24h to 3650d.*, got "1h"/],
    ['a cheap passphrase', change('--work-factor', '14'), /wanted a number from 15 to 20 .*, got "14"/],
    ['one that age does not open', change('--work-factor', '21'), /wanted a number from 15 to 20 .*, got "21"/],
  ];
  it.each(rows)('%s', async (_sentence, argv, message) => {
    await refused(emptyFolder(), argv, { code: 'usage', message, exit: 2 });
  });

  it('a short passphrase, and two that differ', async () => {
    const short = { env: { RUSTYNET_PASSPHRASE: '1234567' } };
    const message = /wanted a passphrase of at least 8 characters, got 7/;
    await refused(emptyFolder(), initArgs, { code: 'usage', message, exit: 2 }, short);
    const differ = { env: {}, secrets: [passphrase, 'something else'] };
    await refused(emptyFolder(), initArgs, { code: 'usage', message: /the same passphrase twice/, exit: 2 }, differ);
  });

  it('a folder with a network, and one with the keys of one', async () => {
    const folder = await network();
    const message = /wanted a folder without a network, got .*network\.json/;
    await refused(folder, initArgs, { code: 'exists', message });
    const other = emptyFolder();
    await done(other, initArgs);
    rmSync(join(other, 'network.json'));
    await refused(other, initArgs, { code: 'exists', message: /got .*keys\/root\.age/ });
  });
});
