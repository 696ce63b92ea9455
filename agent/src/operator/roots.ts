/**
 * `root show`, `root renew` and `root rotate`: who may sign, and until when. In: the folder, the owner's passphrase, a yes.
 * Out: root version N+1, signed by the owners of version N and its own (TUF 1.0 section 5.3), verified as a router does
 * before it is written, and never over another. A new key is on disk before the root that names it, and in its place after.
 */
import { rootType } from '../trust/limits.ts';
import { encodeRoot, verifyNextRoot, type VerifiedRoot } from '../trust/root.ts';
import type { RoleKeys, Root } from '../trust/types.ts';
import { keyIdOf } from '../trust/words.ts';
import type { Given, Options } from './args.ts';
import { describeChange } from './difference.ts';
import { keyFileMode, placeKeys, strayKeyFiles } from './key-files.ts';
import { newSigner, nextKeyFile, openKey, passphrase, passphraseOption, retiredKeyFile, sealKey } from './keys.ts';
import { signedBy, workFactor, workFactorOption, type KeyRole, type Signer } from './keys.ts';
import { defaultRootLifetimeS, rootLifetimeOption, rootLifetimeS } from './lifetimes.ts';
import { believed, fail, misuse } from './refused.ts';
import { roleNames, roles, rootChanges } from './root-difference.ts';
import { readSettings } from './settings.ts';
import { newest, readRoots, rootFile, type SignedRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatDuration, formatTime, left } from './times.ts';

export const rootRenewOptions = {
  'root-lifetime': rootLifetimeOption(formatDuration(defaultRootLifetimeS)),
  'passphrase-file': passphraseOption,
} satisfies Options;

export const rootRotateOptions = {
  map: { help: 'a new key for maps; sign and publish after it' },
  root: { help: 'a new key for roots' },
  'root-lifetime': rootLifetimeOption('it ends when it did'),
  'work-factor': workFactorOption,
  'passphrase-file': passphraseOption,
} satisfies Options;

function plainRole({ threshold, keys }: RoleKeys) {
  return { threshold, keys: keys.map(keyIdOf) };
}

function rootLines({ version, digest, expiresUnixS, ...root }: VerifiedRoot, nowUnixS: number): readonly string[] {
  return [
    `root version ${version}, ends ${formatTime(expiresUnixS)} (${left(expiresUnixS, nowUnixS)})`,
    `  digest   ${digest}`,
    ...roles.map((role) => {
      const { threshold, keys } = plainRole(root[role]);
      return `  ${roleNames[role].padEnd(8)} ${keys.join(' ')} (${threshold} of ${keys.length} must sign)`;
    }),
  ];
}

export async function rootShow({ folder, around }: Call): Promise<Answer> {
  const roots = readRoots(folder, readSettings(folder));
  const stray = strayKeyFiles(folder, roots);
  return {
    lines: roots.flatMap(({ root }) => rootLines(root, around.nowUnixS())),
    warnings: stray.map(
      (name) =>
        `${name} is of no root: it was not proposed yet, or a rotation was interrupted; it never signed anything`,
    ),
    value: {
      roots: roots.map(({ root: { version, digest, expiresUnixS: expires, root, map } }) => {
        return { version, digest, expires, root: plainRole(root), map: plainRole(map) };
      }),
    },
  };
}

interface Draft {
  readonly roots: SignedRoots;
  readonly next: Root;
  readonly fresh: ReadonlyMap<KeyRole, Signer>;
  readonly factor: number;
}

function withFresh(current: Root, role: KeyRole, fresh: Signer | undefined): RoleKeys {
  const { keys, threshold } = current[role];
  if (fresh === undefined) return current[role];
  // Whose the others are, and how they would sign, this folder does not know.
  if (keys.length > 1)
    fail('many-keys', `wanted one ${roleNames[role]} to replace, got ${keys.length}: use root propose`);
  return { keys: [fresh.key], threshold };
}

function draft({ folder, given }: Call, expiresUnixSOf: (current: Root) => number, rotated: readonly KeyRole[]): Draft {
  const roots = readRoots(folder, readSettings(folder));
  const current = newest(roots).root;
  const fresh = new Map(rotated.map((role) => [role, newSigner()]));
  const next = {
    network: current.network,
    version: current.version + 1,
    expiresUnixS: expiresUnixSOf(current),
    root: withFresh(current, 'root', fresh.get('root')),
    map: withFresh(current, 'map', fresh.get('map')),
  };
  return { roots, next, fresh, factor: workFactor(given) };
}

async function confirm({ given, around }: Call, { next }: Draft, lines: readonly string[]): Promise<void> {
  if (given.flag('yes')) return;
  const end = `${formatTime(next.expiresUnixS)} (${left(next.expiresUnixS, around.nowUnixS())})`;
  const question = [...lines, `Sign root version ${next.version}, which ends ${end}?`].join('\n');
  if (!(await around.confirm(question))) fail('not-confirmed', 'wanted a yes, got none: nothing was signed');
}

/** Signs, verifies, and writes in the order in which a cut leaves the root of before or the whole of the new one. */
async function signRoot(call: Call, { roots, next, fresh, factor }: Draft): Promise<SignedRoots> {
  const { folder } = call;
  const current = newest(roots).root;
  if (current.root.threshold > 1) {
    const wanted = `wanted ${current.root.threshold} owners to sign root version ${next.version}`;
    fail('too-few-signers', `${wanted}, got the one of this folder: use root propose`);
  }
  const secret = await passphrase(call);
  const owner = await openKey(folder, 'root', current, secret);
  const newOwner = fresh.get('root');
  const envelope = signedBy(newOwner === undefined ? [owner] : [owner, newOwner], rootType, encodeRoot(next));
  const root = believed(verifyNextRoot(current, envelope), `root version ${next.version}`);
  const sealed: [name: string, text: string][] = [];
  for (const [role, signer] of fresh) {
    const text = await sealKey(signer, role, next.network, secret, factor);
    sealed.push([nextKeyFile(signer.key), text]);
  }
  placeKeys(folder, roots);
  for (const [name, text] of sealed) folder.writeNew(name, text, keyFileMode);
  folder.writeNew(rootFile(next.version), envelope);
  const after: SignedRoots = [...roots, { root, envelope }];
  placeKeys(folder, after);
  return after;
}

async function makeRoot(call: Call, made: Draft): Promise<Answer> {
  const { roots, fresh } = made;
  const changes = rootChanges(newest(roots).root, made.next);
  const lines = changes.map((change) => `~ ${describeChange(change)}`);
  await confirm(call, made, lines);
  const before = newest(roots).root;
  const { version, digest, expiresUnixS: expires } = newest(await signRoot(call, made)).root;
  const retired = [...fresh.keys()]
    .flatMap((role) => before[role].keys.map(retiredKeyFile))
    .filter((name) => call.folder.has(name));
  const then = fresh.has('map') ? 'sign next, then publish: routers refuse maps of the old key' : 'publish it next';
  return {
    lines: [
      ...(call.given.flag('yes') ? lines : []),
      ...retired.map((name) => `the old key is kept as ${name}`),
      `signed root version ${version}, good until ${formatTime(expires)}; ${then}`,
    ],
    value: { version, digest, expires, changes, retired },
  };
}

export async function rootRenew(call: Call): Promise<Answer> {
  const endUnixS = call.around.nowUnixS() + (rootLifetimeS(call.given) ?? defaultRootLifetimeS);
  const made = draft(call, () => endUnixS, []);
  const { version, expiresUnixS } = newest(made.roots).root;
  if (endUnixS <= expiresUnixS) {
    const wanted = `wanted an end after that of root version ${version}, ${formatTime(expiresUnixS)}`;
    fail('not-later', `${wanted}, got ${formatTime(endUnixS)}: give a longer --root-lifetime`);
  }
  return makeRoot(call, made);
}

export async function rootRotate(call: Call): Promise<Answer> {
  const { given, around } = call;
  const rotated = roles.filter((role) => given.flag(role));
  if (rotated.length === 0) misuse('wanted --map, --root or both, got neither');
  return makeRoot(
    call,
    draft(call, (current) => keptEnd(current, given, around.nowUnixS()), rotated),
  );
}

/** It ends when it did, if not said otherwise. */
export function keptEnd({ expiresUnixS }: Root, given: Given, nowUnixS: number): number {
  const lifetimeS = rootLifetimeS(given);
  const endUnixS = lifetimeS === undefined ? expiresUnixS : nowUnixS + lifetimeS;
  if (endUnixS <= nowUnixS) {
    const got = `got one that ended ${formatTime(endUnixS)}`;
    fail('expired', `wanted a root that lasts beyond ${formatTime(nowUnixS)}, ${got}: give --root-lifetime`);
  }
  return endUnixS;
}
