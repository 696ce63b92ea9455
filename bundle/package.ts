/**
 * Builds bundle/out/feed/, which a web server can hand out as an opkg feed. In: the sources, a key in usign's format.
 * Out: the folder and its sizes. Run: `npm run package -- --help`.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildOperator, buildRouter, builtUnixS, operatorBundle, routerBundle, version, type Built } from './build.ts';
import { buildFeed, readFeed, verifyFeed, writeFeed, type FeedInput } from './feed.ts';
import type { Bundled } from './sbom.ts';
import { newSecretKey, parsePublicKey, parseSecretKey } from './usign.ts';

export const feedFolder = fileURLToPath(new URL('out/feed', import.meta.url));

const usage = `usage: npm run package -- --new-key FILE          make a key: FILE, for you alone, and FILE.pub
       npm run package -- --key FILE              build and sign bundle/out/feed
       npm run package -- --verify DIR --key PUB  check a copy of it`;

const bundledFrom = (name: string, file: string, { inputs }: Built): Bundled => ({
  ...{ name, inputs },
  bytes: readFileSync(file),
});

/** Of the sources as they are now. */
export async function buildBundles(): Promise<FeedInput> {
  const router = bundledFrom('rustynet', routerBundle, await buildRouter());
  const operator = bundledFrom('rustynet-operator', operatorBundle, await buildOperator());
  return { router, operator, version, builtUnixS };
}

async function build(keyFile: string): Promise<void> {
  const key = parseSecretKey(readFileSync(keyFile, 'utf8'));
  const { contents, ipks } = await buildFeed(await buildBundles(), key);
  verifyFeed(contents, key);
  writeFeed(feedFolder, contents);
  console.log(`${feedFolder}, signed by ${key.fingerprint}`);
  for (const { name, bytes, installedBytes } of ipks) {
    console.log(`${name}: ${bytes.length} bytes, installed ${installedBytes} bytes`);
  }
}

function makeKey(file: string): void {
  const made = newSecretKey((bytes) => randomBytes(bytes));
  // A key that is there already signed something: it is not written over.
  writeFileSync(file, made.secret, { mode: 0o600, flag: 'wx' });
  writeFileSync(`${file}.pub`, made.public, { flag: 'wx' });
  console.log(`${file}.pub: on routers /etc/opkg/keys/${parsePublicKey(made.public).fingerprint}`);
}

async function main(argv: string[]): Promise<void> {
  const flag = { type: 'string' } as const;
  const { values } = parseArgs({ args: argv, options: { 'new-key': flag, key: flag, verify: flag } });
  const { 'new-key': newKey, key, verify } = values;
  if (newKey !== undefined) return makeKey(newKey);
  if (key === undefined) throw new Error(`package: wanted a key, got none\n${usage}`);
  if (verify === undefined) return build(key);
  verifyFeed(readFeed(verify), parsePublicKey(readFileSync(key, 'utf8')));
  console.log(`${verify}: as it was signed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
}
