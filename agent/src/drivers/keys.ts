/**
 * The private keys of a router, files of mode 0600 that belong to this user: two, and the next of WireGuard's.
 * In: a folder. Out: keys; made once, when there is none. Fault `KEY_FILE` for a file that others can read, that belongs to another, or that is no key.
 */
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { ed25519 } from '@noble/curves/ed25519.js';
import type { Identity } from '../control/identity.ts';
import { Fault } from '../control/ports.ts';
import { encodeBase64, decodeBase64 } from '../trust/base64.ts';
import type { IdentityKey, WireGuardKey } from '../trust/types.ts';
import { nodeIdOf } from '../trust/words.ts';
import { nodeFiles } from './files.ts';

export interface Keys extends Identity {
  /** For wg(8), which reads the file itself. */
  readonly wireGuardPath: string;
}

function refuseFile(path: string, wanted: string): never {
  throw new Fault('KEY_FILE', path, `${path}: ${wanted}`);
}

function requireSafe(path: string): void {
  const { mode, uid } = lstatSync(path);
  const own = process.getuid?.() ?? 0;
  if ((mode & 0o170000) !== 0o100000) refuseFile(path, 'wanted a regular file, got another kind');
  if ((mode & 0o777) !== 0o600) refuseFile(path, `wanted mode 0600, got 0${(mode & 0o777).toString(8)}`);
  if (uid !== own) refuseFile(path, `wanted owner ${own}, got ${uid}`);
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function move(from: string, to: string): void {
  nodeFiles.rename(from, to);
  nodeFiles.syncFolder(to.slice(0, to.lastIndexOf('/')));
}

function secretAt(path: string): Uint8Array {
  if (!isThere(path)) {
    nodeFiles.writeSynced(`${path}.new`, Buffer.from(`${encodeBase64(randomBytes(32))}\n`));
    move(`${path}.new`, path);
  }
  requireSafe(path);
  const secret = decodeBase64(readFileSync(path, 'utf8').trimEnd());
  return secret?.length === 32 ? secret : refuseFile(path, 'wanted 32 bytes in base64, got something else');
}

/** Of a PrivateKeyInfo (RFC 8410): the secret of X25519 follows. */
const x25519Header = Buffer.from('302e020100300506032b656e04220420', 'hex');

function wireGuardKeyAt(path: string): WireGuardKey {
  const key = Buffer.concat([x25519Header, secretAt(path)]);
  const secret = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  // The 32 bytes of the key end a SubjectPublicKeyInfo.
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  return encodeBase64(spki.subarray(-32)) as WireGuardKey;
}

function identityKeyOf(secret: Uint8Array): IdentityKey {
  return Buffer.from(ed25519.getPublicKey(secret)).toString('hex') as IdentityKey;
}

export function openKeys(folder: string): Keys {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [wireGuardPath, nextPath] = [`${folder}/wireguard.key`, `${folder}/wireguard.next.key`];
  const identityPath = `${folder}/identity.key`;
  const identity = secretAt(identityPath);
  const identityKey = identityKeyOf(identity);
  let inUse = wireGuardKeyAt(wireGuardPath);
  let next = isThere(nextPath) ? wireGuardKeyAt(nextPath) : undefined;
  return {
    id: nodeIdOf(identityKey),
    identityKey,
    get wireGuardKey() {
      return inUse;
    },
    get nextWireGuardKey() {
      return next;
    },
    makeNextKey: () => (next ??= wireGuardKeyAt(nextPath)),
    takeNextKey: () => {
      if (next === undefined) return;
      move(nextPath, wireGuardPath);
      [inUse, next] = [next, undefined];
    },
    requireKept: () => {
      const kept = [
        [identityPath, () => identityKeyOf(secretAt(identityPath)) === identityKey],
        [wireGuardPath, () => wireGuardKeyAt(wireGuardPath) === inUse],
      ] as const;
      const lost = kept.find(([path, isSame]) => !isThere(path) || !isSame());
      if (lost === undefined) return;
      refuseFile(
        lost[0],
        'wanted the key that rustynetd began with, got none or another; "/etc/init.d/rustynet restart"',
      );
    },
    wireGuardPath,
    sign: (message) => ed25519.sign(message, identity),
  };
}
