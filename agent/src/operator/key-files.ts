/**
 * The way of a new key into the folder: keys/next/<keyid>.age before its root is signed, keys/<role>.age after, the one
 * before it kept as keys/retired/<keyid>.age. In: the folder and its roots. Out: files in their places, whenever a run was
 * cut off: the newest root decides which key is in use, and no key is ever the only copy of itself in a file that is replaced.
 */
import type { IdentityKey } from '../trust/types.ts';
import type { Folder } from './folder.ts';
import { keyFile, nextKeyFile, retiredKeyFile, type KeyRole } from './keys.ts';
import { newest, type SignedRoots } from './signed.ts';

/** Secrets are for their owner alone. */
export const keyFileMode = 0o600;

/** Where the key that a role had before `key` is kept; which of several this folder had, only its passphrase tells. */
function retiredFile(roots: SignedRoots, role: KeyRole, key: IdentityKey): string | undefined {
  const before = roots.findLast(({ root }) => !root[role].keys.includes(key))?.root;
  const [old, ...others] = before?.[role].keys ?? [];
  if (before === undefined || old === undefined) return undefined;
  return others.length === 0 ? retiredKeyFile(old) : `keys/retired/${role}-of-root-${before.version}.age`;
}

function same(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left !== undefined && Buffer.compare(left, right) === 0;
}

function placeKey(folder: Folder, roots: SignedRoots, role: KeyRole, key: IdentityKey): void {
  const next = folder.read(nextKeyFile(key));
  if (next === undefined) return;
  const retired = retiredFile(roots, role, key);
  const old = folder.read(keyFile(role));
  // The same bytes: an earlier run came this far.
  if (retired !== undefined && old !== undefined && !same(old, next)) {
    if (!same(folder.read(retired), old)) folder.writeNew(retired, old, keyFileMode);
  }
  folder.write(keyFile(role), next, keyFileMode);
  folder.remove(nextKeyFile(key));
}

/**
 * Ends what an interrupted rotation began, where the newest root has its key. Of several keys the one in keys/<role>.age
 * may still be in use: both stay where they are.
 */
export function placeKeys(folder: Folder, roots: SignedRoots): void {
  for (const role of ['root', 'map'] as const) {
    const [key, ...others] = newest(roots).root[role].keys;
    if (key !== undefined && others.length === 0) placeKey(folder, roots, role, key);
  }
}

/** Keys of no root: not proposed yet, or of a rotation that was interrupted before it signed one. */
export function strayKeyFiles(folder: Folder, roots: SignedRoots): readonly string[] {
  const known = new Set(roots.flatMap(({ root: { root, map } }) => [...root.keys, ...map.keys].map(nextKeyFile)));
  return folder
    .list('keys/next')
    .map((name) => `keys/next/${name}`)
    .filter((name) => !known.has(name));
}
