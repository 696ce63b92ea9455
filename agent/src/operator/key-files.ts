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

/** The key that a role had before `key`. */
function keyBefore(roots: SignedRoots, role: KeyRole, key: IdentityKey): IdentityKey | undefined {
  return roots.findLast(({ root }) => !root[role].keys.includes(key))?.root[role].keys[0];
}

function same(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left !== undefined && Buffer.compare(left, right) === 0;
}

function placeKey(folder: Folder, roots: SignedRoots, role: KeyRole, key: IdentityKey): void {
  const next = folder.read(nextKeyFile(key));
  if (next === undefined) return;
  const before = keyBefore(roots, role, key);
  const old = folder.read(keyFile(role));
  // The same bytes: an earlier run came this far.
  if (before !== undefined && old !== undefined && !same(old, next)) {
    const retired = retiredKeyFile(before);
    if (!same(folder.read(retired), old)) folder.writeNew(retired, old, keyFileMode);
  }
  folder.write(keyFile(role), next, keyFileMode);
  folder.remove(nextKeyFile(key));
}

/** Ends what an interrupted rotation began, where the newest root has its key. */
export function placeKeys(folder: Folder, roots: SignedRoots): void {
  for (const role of ['root', 'map'] as const) {
    for (const key of newest(roots).root[role].keys) placeKey(folder, roots, role, key);
  }
}

/** Keys of no root: a rotation was interrupted before it signed one, so that nobody needs them. */
export function strayKeyFiles(folder: Folder, roots: SignedRoots): readonly string[] {
  const { root, map } = newest(roots).root;
  const known = new Set([...root.keys, ...map.keys].map(nextKeyFile));
  return folder
    .list('keys/next')
    .map((name) => `keys/next/${name}`)
    .filter((name) => !known.has(name));
}
