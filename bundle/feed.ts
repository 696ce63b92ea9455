/**
 * A folder that a web server can hand out as an opkg feed, and that whoever mirrors it can check. In: the bundles, a
 * key. Out: the packages, their index with usign's signature, the operator's tool, SBOMs, checksums, and the signed list of
 * all of them. Specified in OpenWrt's scripts/ipkg-make-index.sh and opkg's libopkg/pkg_parse.c.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { digestOf } from '../agent/src/trust/words.ts';
import { collectorContent, pageContent, routerContent } from './content.ts';
import { buildIpk, packageVersion, type Ipk } from './ipk.ts';
import { readRelease, signRelease, type Contents } from './release.ts';
import { bomOf, npmBom, type Bundled } from './sbom.ts';
import { isSigned, publicKeyFile, sign, type PublicKey, type SecretKey } from './usign.ts';

const releaseName = 'release.intoto.json';

export interface FeedInput {
  readonly router: Bundled;
  readonly operator: Bundled;
  readonly version: string;
  readonly builtUnixS: number;
}

function indexOf({ name, bytes, control }: Ipk): string {
  const found = [`Filename: ${name}`, `Size: ${bytes.length}`, `SHA256sum: ${digestOf(bytes)}`];
  return `${control.replace(/^Description:/m, `${found.join('\n')}\nDescription:`)}\n`;
}

function sumsOf(contents: Contents): string {
  const lines = Object.entries(contents).map(([name, bytes]) => `${digestOf(bytes)} *${name}\n`);
  return lines.join('');
}

export const bomName = ({ name }: Pick<Bundled, 'name'>): string => `${name}.cdx.json`;

/** What a key adds. */
export const signedNames = ({ fingerprint }: PublicKey): readonly string[] => [
  'Packages.sig',
  fingerprint,
  'sha256sums',
  releaseName,
];

/** What follows from the sources alone, so that whoever has them can make it anew and compare. */
export async function packFeed({
  router,
  operator,
  version,
  builtUnixS,
}: FeedInput): Promise<{ files: Contents; ipks: readonly Ipk[] }> {
  const packages = await Promise.all([routerContent(router.bytes), pageContent(), collectorContent()]);
  const ipks = packages.map((each) => buildIpk(each, version, builtUnixS));
  const index = Buffer.from(ipks.map((ipk) => indexOf(ipk)).join(''));
  const files = {
    ...Object.fromEntries(ipks.map(({ name, bytes }) => [name, bytes])),
    Packages: index,
    'Packages.gz': gzipSync(index, { level: 9 }),
    'rustynet-operator.js': operator.bytes,
  };
  return { files, ipks };
}

export function signFeed(files: Contents, version: string, key: SecretKey): Contents {
  const named = {
    ...files,
    'Packages.sig': Buffer.from(sign(files['Packages'] ?? new Uint8Array(), key)),
    [key.fingerprint]: Buffer.from(publicKeyFile(key)),
  };
  const summed = { ...named, sha256sums: Buffer.from(sumsOf(named)) };
  return { ...summed, [releaseName]: signRelease(summed, packageVersion(version), key) };
}

export async function buildFeed(
  input: FeedInput,
  key: SecretKey,
): Promise<{ contents: Contents; ipks: readonly Ipk[] }> {
  const { files, ipks } = await packFeed(input);
  const all = await npmBom();
  const boms = [input.router, input.operator].map((bundled) => {
    const bom = JSON.stringify(bomOf(all, bundled, input.builtUnixS), undefined, 2);
    return [bomName(bundled), Buffer.from(`${bom}\n`)] as const;
  });
  return { contents: signFeed({ ...files, ...Object.fromEntries(boms) }, input.version, key), ipks };
}

/** Replaces the folder whole: nothing of an older release stays in it. */
export function writeFeed(folder: string, contents: Contents): void {
  const scratch = `${folder}.${process.pid}`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(scratch, name), bytes);
  rmSync(folder, { recursive: true, force: true });
  renameSync(scratch, folder);
}

export function readFeed(folder: string): Contents {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}

/** Throws for anything that is missing, added or changed: by the signed list, and again as opkg would see it. */
export function verifyFeed(contents: Contents, key: PublicKey): void {
  const { [releaseName]: release, ...files } = contents;
  if (release === undefined) throw new Error(`feed: wanted ${releaseName}, got none`);
  const wanted = readRelease(release, key);
  for (const name of new Set([...wanted.keys(), ...Object.keys(files)])) {
    const got = files[name] === undefined ? 'no file' : digestOf(files[name]);
    const signed = wanted.get(name) ?? 'a file of the release';
    if (got !== signed) throw new Error(`${name}: wanted ${signed}, got ${got}`);
  }
  const text = (name: string): Buffer => Buffer.from(files[name] ?? []);
  const index = text('Packages');
  if (!isSigned(index, text('Packages.sig').toString(), key)) {
    throw new Error(`Packages.sig: wanted a signature by ${key.fingerprint} that holds, got another`);
  }
  if (!gunzipSync(text('Packages.gz')).equals(index)) throw new Error('Packages.gz: wanted Packages, got another text');
  for (const [, name = '', sum] of index.toString().matchAll(/^Filename: (.*)\nSize: .*\nSHA256sum: (.*)$/gm)) {
    if (digestOf(text(name)) !== sum) throw new Error(`${name}: wanted ${sum} as in Packages, got another`);
  }
}
