/** The folder that is served: complete, the same from any folder, and refused when anybody changed a byte of it. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { version } from './build.ts';
import { readFeed, verifyFeed } from './feed.ts';
import { packageVersion } from './ipk.ts';
import { signRelease, type Contents } from './release.ts';
import { newSecretKey, parsePublicKey, parseSecretKey, sign } from './usign.ts';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'rustynet-feed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const made = newSecretKey((bytes) => randomBytes(bytes));
const [secret, key] = [parseSecretKey(made.secret), parsePublicKey(made.public)];
const ipkName = `rustynet_${packageVersion(version)}_all.ipk`;
const pageName = `luci-app-rustynet_${packageVersion(version)}_all.ipk`;

/** As another person has it: another folder, umask and times, the same sources. */
function copyOfSources(name: string, executable: number, plain: number): string {
  const copy = join(folder, name);
  const names = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const each of names.trim().split('\n')) {
    if (!/^(agent\/src|bundle|openwrt-feed|luci-app)\/|^(package(-lock)?|tsconfig)\.json$/.test(each)) continue;
    cpSync(join(root, each), join(copy, each), { recursive: true });
    chmodSync(join(copy, each), each.endsWith('.sh') ? executable : plain);
    utimesSync(join(copy, each), 1_000_000_000 + plain, 1_000_000_000 + plain);
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function packaged(copy: string): Contents {
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1790000000' };
  const tool = join(root, 'node_modules/.bin/tsx');
  execFileSync(tool, ['bundle/package.ts', '--key', join(folder, 'key')], { cwd: copy, env, stdio: 'pipe' });
  return readFeed(join(copy, 'bundle/out/feed'));
}

let feed: Contents;
let again: Contents;
beforeAll(() => {
  writeFileSync(join(folder, 'key'), made.secret, { mode: 0o600 });
  feed = packaged(copyOfSources('here', 0o755, 0o644));
  again = packaged(copyOfSources('there/and/deeper', 0o700, 0o600));
}, 120_000);

const sha256 = (bytes: Uint8Array | undefined): string =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
const without = (name: string): Contents => Object.fromEntries(Object.entries(feed).filter(([each]) => each !== name));
const text = (name: string): string => Buffer.from(feed[name] ?? []).toString();

describe('the feed', () => {
  test('is the same, byte for byte, from two folders', () => {
    expect(Object.keys(again)).toEqual(Object.keys(feed));
    for (const [name, bytes] of Object.entries(feed)) expect(sha256(again[name]), name).toBe(sha256(bytes));
  });
  test('has an index with the size and digest of each package', () => {
    const index = text('Packages');
    expect(index).toMatch(/^Package: rustynet\nVersion: /);
    expect(index).toContain(
      `Filename: ${ipkName}\nSize: ${feed[ipkName]?.length}\nSHA256sum: ${sha256(feed[ipkName])}\n`,
    );
    expect(index).toContain('\n\nPackage: luci-app-rustynet\n');
    expect(index).toContain(`Filename: ${pageName}\nSize: ${feed[pageName]?.length}\n`);
    expect(index).toContain('\n\nPackage: prometheus-node-exporter-lua-rustynet\n');
    expect(index.endsWith('\n\n')).toBe(true);
    expect(execFileSync('gzip', ['-dc'], { input: feed['Packages.gz'] }).toString()).toBe(index);
  });
  test('has checksums that sha256sum takes, and its key by the name that opkg looks for', () => {
    const place = join(folder, 'here/bundle/out/feed');
    expect(execFileSync('sha256sum', ['-c', 'sha256sums'], { cwd: place, encoding: 'utf8' })).toContain(
      `${ipkName}: OK`,
    );
    expect(text(key.fingerprint)).toBe(made.public);
  });
  test('lists of what each bundle was made, and nothing that only tests need', () => {
    const names = (file: string): string[] =>
      (JSON.parse(text(file)) as { components: { name: string }[] }).components.map(({ name }) => name);
    expect(names('rustynet.cdx.json')).toEqual(expect.arrayContaining(['@noble/curves', '@noble/hashes', 'mqtt']));
    expect(names('rustynet.cdx.json').join()).not.toMatch(/age-encryption|aedes|ws|socks|vitest|esbuild/);
    expect(names('rustynet-operator.cdx.json')).toContain('age-encryption');
    const { metadata } = JSON.parse(text('rustynet.cdx.json')) as {
      metadata: { component: { name: string; hashes: unknown } };
    };
    const bundle = readFileSync(join(folder, 'here/bundle/out/rustynet.js'));
    expect(metadata.component).toMatchObject({ name: 'rustynet', hashes: [{ content: sha256(bundle) }] });
  });
  test('is signed as an in-toto statement that names all of it', () => {
    const { payloadType, payload } = JSON.parse(text('release.intoto.json')) as Record<string, string>;
    const statement = JSON.parse(Buffer.from(payload ?? '', 'base64').toString()) as { subject: { name: string }[] };
    expect(payloadType).toBe('application/vnd.in-toto+json');
    expect(statement).toMatchObject({ predicate: { purl: `pkg:generic/rustynet@${packageVersion(version)}` } });
    const names = Object.keys(feed).filter((name) => name !== 'release.intoto.json');
    expect(statement.subject.map(({ name }) => name).sort()).toEqual(names.sort());
    expect(() => verifyFeed(feed, key)).not.toThrow();
  });
});

describe('a copy of the feed', () => {
  const flipped = (bytes: Uint8Array | undefined): Buffer => {
    const copy = Buffer.from(bytes ?? []);
    copy.writeUInt8(copy.readUInt8(copy.length >> 1) ^ 1, copy.length >> 1);
    return copy;
  };
  test.each([
    ipkName,
    pageName,
    'Packages',
    'Packages.gz',
    'Packages.sig',
    'rustynet-operator.js',
    'rustynet.cdx.json',
    'sha256sums',
  ])('with a bit of %s flipped is refused', (name) => {
    expect(() => verifyFeed({ ...feed, [name]: flipped(feed[name]) }, key)).toThrow(`${name}: wanted `);
  });
  test.each(['release.intoto.json'])('with a bit of %s flipped is refused', (name) => {
    expect(() => verifyFeed({ ...feed, [name]: flipped(feed[name]) }, key)).toThrow(
      /^release: (malformed|too-few-signers)/,
    );
  });
  test('with a file less or one more is refused', () => {
    expect(() => verifyFeed(without(ipkName), key)).toThrow(`${ipkName}: wanted ${sha256(feed[ipkName])}, got no file`);
    expect(() => verifyFeed({ ...feed, more: new Uint8Array() }, key)).toThrow('more: wanted a file of the release');
  });
  test('signed by another key is refused', () => {
    const other = parsePublicKey(newSecretKey((bytes) => randomBytes(bytes)).public);
    expect(() => verifyFeed(feed, other)).toThrow('release: too-few-signers: wanted 1 signers of the release, got 0');
  });
  test.each<[string, (files: Contents) => Contents, string]>([
    [
      'an index that its signature does not fit',
      (files) => ({ ...files, Packages: Buffer.from('x') }),
      'Packages.sig: wanted',
    ],
    [
      'a compressed index of another text',
      (files) => ({ ...files, 'Packages.gz': gzipSync('x') }),
      'Packages.gz: wanted Packages',
    ],
    [
      'an index with the digest of another package',
      (files) => {
        const index = Buffer.from(text('Packages').replace(/SHA256sum: ..../, 'SHA256sum: 0000'));
        return {
          ...files,
          Packages: index,
          'Packages.gz': gzipSync(index),
          'Packages.sig': Buffer.from(sign(index, secret)),
        };
      },
      `${ipkName}: wanted 0000`,
    ],
  ])('with %s is refused, though its list is signed', (_, bend, message) => {
    const bent = bend(without('release.intoto.json'));
    const release = signRelease(bent, packageVersion(version), secret);
    expect(() => verifyFeed({ ...bent, 'release.intoto.json': release }, key)).toThrow(message);
  });
});
