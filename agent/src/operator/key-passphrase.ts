/**
 * `key passphrase`: another passphrase for all keys of a folder. In: the one that opens them, and the new one. Out: every
 * file of keys/, keys/next/ and keys/retired/ sealed anew. A cut leaves each file whole, under one of the two, and the same
 * call ends what it began: what the new one opens already stays as it is.
 */
import type { Options } from './args.ts';
import type { Folder } from './folder.ts';
import { keyFileMode } from './key-files.ts';
import {
  nextPassphrase,
  openAge,
  passphrase,
  passphraseOption,
  sealAge,
  workFactor,
  workFactorOption,
} from './keys.ts';
import { fail, misuse, Refused } from './refused.ts';
import type { Answer, Call } from './surroundings.ts';

export const keyPassphraseOptions = {
  'passphrase-file': passphraseOption,
  'new-passphrase-file': { value: 'FILE', help: 'file with the new passphrase (default: asked)' },
  'work-factor': workFactorOption,
} satisfies Options;

function namesIn(folder: Folder, pattern: RegExp): readonly string[] {
  return ['keys', 'keys/next', 'keys/retired'].flatMap((path) =>
    folder
      .list(path)
      .filter((name) => pattern.test(name))
      .map((name) => `${path}/${name}`),
  );
}

async function openedBy(name: string, bytes: Uint8Array, secret: string): Promise<Uint8Array | undefined> {
  try {
    return await openAge(name, bytes, secret);
  } catch (error) {
    if (error instanceof Refused && error.code === 'wrong-passphrase') return undefined;
    throw error;
  }
}

/** Under the new passphrase, each file that does not have it yet. */
async function sealedAnew(folder: Folder, names: readonly string[], before: string, after: string, factor: number) {
  const sealed = new Map<string, string>();
  for (const name of names) {
    const bytes = folder.read(name) ?? fail('no-key', `wanted ${folder.pathOf(name)}, got no such file`);
    const plain = await openedBy(name, bytes, before);
    if (plain !== undefined) sealed.set(name, await sealAge(plain, after, factor));
    else if ((await openedBy(name, bytes, after)) === undefined) {
      fail('wrong-passphrase', `${name}: wanted its passphrase, or the new one, got neither`);
    }
  }
  return sealed;
}

export async function changePassphrase(call: Call): Promise<Answer> {
  const { folder, given } = call;
  const factor = workFactor(given);
  const names = namesIn(folder, /\.age$/);
  if (names.length === 0) fail('no-key', `wanted keys in ${folder.pathOf('keys')}, got none`);
  const before = await passphrase(call);
  const after = await nextPassphrase(call);
  if (before === after) misuse('wanted another passphrase, got the one before');
  const sealed = await sealedAnew(folder, names, before, after, factor);
  folder.writeAll(sealed, keyFileMode);
  // Of runs that were cut off: the passphrase before may open them.
  for (const name of namesIn(folder, /\.age\.[0-9a-f]+\.tmp$/)) folder.remove(name);
  return {
    lines: names.map((name) => `${name}: ${sealed.has(name) ? 'has the new passphrase' : 'had it already'}`),
    warnings: [
      'copies of these files, in the history of git, too, open with the passphrase before: root rotate makes fresh keys',
    ],
    value: { sealed: [...sealed.keys()] },
  };
}
