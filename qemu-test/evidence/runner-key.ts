// Who vouches for a run. In: an Ed25519 key as OpenSSL writes it (PEM: PKCS #8, SPKI). Out: signatures by it, or the key
// to verify with. The secret is read from a file that only its owner can read, and is never printed.
// Specified in RFC 8410, RFC 8032; DSSE's key id is SHA-256 of the raw public key.
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { encodeEnvelope, pae } from '../../agent/src/trust/dsse.ts';
import type { IdentityKey } from '../../agent/src/trust/types.ts';
import { keyIdOf, parseIdentityKey } from '../../agent/src/trust/words.ts';
import { payloadType } from './statement.ts';

export interface RunnerKey {
  readonly key: IdentityKey;
  readonly secret: KeyObject;
}

function rawKey(key: KeyObject, of: string): IdentityKey {
  const { x = '' } = key.asymmetricKeyType === 'ed25519' ? key.export({ format: 'jwk' }) : {};
  const raw = parseIdentityKey(Buffer.from(x, 'base64url').toString('hex'));
  if (raw === undefined) throw new Error(`${of}: wanted an Ed25519 key, got ${key.asymmetricKeyType ?? 'another'}`);
  return raw;
}

function read<Key>(file: string, make: (pem: Buffer) => Key): Key {
  const pem = readFileSync(file);
  try {
    return make(pem);
  } catch {
    // OpenSSL's own words say nothing of the file.
    throw new Error(`${file}: wanted an Ed25519 key in PEM, got something else`);
  }
}

export function readPublicKey(file: string): IdentityKey {
  return rawKey(read(file, createPublicKey), file);
}

export function readRunnerKey(file: string): RunnerKey {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) !== 0) throw new Error(`${file}: wanted mode 0600, got ${mode.toString(8).padStart(4, '0')}`);
  const secret = read(file, createPrivateKey);
  return { key: rawKey(createPublicKey(secret), file), secret };
}

export function signedBy({ key, secret }: RunnerKey, payload: Uint8Array): Uint8Array {
  const sig = new Uint8Array(sign(null, pae(payloadType, payload), secret));
  return encodeEnvelope({ payloadType, payload, signatures: [{ keyid: keyIdOf(key), sig }] });
}
