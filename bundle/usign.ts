/**
 * Signatures as opkg checks them. In: key files and bytes. Out: usign's files, of two lines: a comment that nobody
 * believes, and base64 of `Ed`, the 8 bytes by which a key is found, and the key or the signature (Ed25519). Specified
 * by OpenWrt's usign (main.c: struct pubkey, seckey, sig), whose secret keys hold the seed and the public key.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js';
import { decodeBase64, encodeBase64 } from '../agent/src/trust/base64.ts';
import { parseIdentityKey } from '../agent/src/trust/words.ts';

const algorithm = Buffer.from('Ed');
/** Algorithm and number of rounds of the key's own encryption: usign knows none but no rounds at all. */
const kdf = Buffer.from('BK\0\0\0\0');
const saltBytes = 16;
const sumBytes = 8;
const fingerprintBytes = 8;
const keyBytes = 32;
const signatureBytes = 64;

export interface PublicKey {
  /** The name of the key's file in /etc/opkg/keys, 16 hex digits. */
  readonly fingerprint: string;
  readonly key: Uint8Array;
}
export interface SecretKey extends PublicKey {
  readonly seed: Uint8Array;
}

function encode(comment: string, ...parts: readonly Uint8Array[]): string {
  return `untrusted comment: ${comment}\n${encodeBase64(concatBytes(algorithm, ...parts))}\n`;
}

function decode(text: string, bytes: number, what: string): Uint8Array {
  const [comment = '', line = '', ...rest] = text.split('\n');
  if (!comment.startsWith('untrusted comment: ') || rest.join('') !== '') {
    throw new Error(`${what}: wanted a line of comment and a line of base64, got something else`);
  }
  const decoded = decodeBase64(line);
  if (decoded?.length !== bytes)
    throw new Error(`${what}: wanted ${bytes} bytes in base64, got ${decoded?.length ?? 0}`);
  const kind = Buffer.from(decoded.subarray(0, 2)).toString('latin1');
  if (kind !== 'Ed') throw new Error(`${what}: wanted Ed, got ${JSON.stringify(kind)}`);
  return decoded.subarray(2);
}

function sumOf(secret: Uint8Array): Uint8Array {
  return sha512(secret).subarray(0, sumBytes);
}

/** `random` gives that many random bytes. */
export function newSecretKey(random: (bytes: number) => Uint8Array): { secret: string; public: string } {
  const [fingerprint, seed, salt] = [random(fingerprintBytes), random(keyBytes), random(saltBytes)];
  const key = ed25519.getPublicKey(seed);
  const secret = concatBytes(seed, key);
  const name = bytesToHex(fingerprint);
  return {
    secret: encode(`private key ${name}`, kdf, salt, sumOf(secret), fingerprint, secret),
    public: encode(`public key ${name}`, fingerprint, key),
  };
}

export function parsePublicKey(text: string): PublicKey {
  const bytes = decode(text, 2 + fingerprintBytes + keyBytes, 'public key');
  const key = bytes.subarray(fingerprintBytes);
  if (parseIdentityKey(bytesToHex(key)) === undefined) {
    throw new Error('public key: wanted a point of the curve, not of small order, got another');
  }
  return { fingerprint: bytesToHex(bytes.subarray(0, fingerprintBytes)), key };
}

export function parseSecretKey(text: string): SecretKey {
  const head = kdf.length + saltBytes;
  const bytes = decode(text, 2 + head + sumBytes + fingerprintBytes + 2 * keyBytes, 'secret key');
  if (!kdf.equals(bytes.subarray(0, kdf.length))) {
    throw new Error('secret key: wanted one without a passphrase, as usign -G makes, got another');
  }
  const [sum, fingerprint] = [bytes.subarray(head, head + sumBytes), bytes.subarray(head + sumBytes, -2 * keyBytes)];
  const secret = bytes.subarray(-2 * keyBytes);
  const [seed, key] = [secret.subarray(0, keyBytes), secret.subarray(keyBytes)];
  if (bytesToHex(sum) !== bytesToHex(sumOf(secret))) throw new Error('secret key: wanted its own sum, got another');
  if (bytesToHex(key) !== bytesToHex(ed25519.getPublicKey(seed))) {
    throw new Error('secret key: wanted the public key of its seed, got another');
  }
  return { fingerprint: bytesToHex(fingerprint), key, seed };
}

export function publicKeyFile({ fingerprint, key }: PublicKey): string {
  return encode(`public key ${fingerprint}`, Buffer.from(fingerprint, 'hex'), key);
}

export function sign(message: Uint8Array, { fingerprint, seed }: SecretKey): string {
  return encode(`signed by key ${fingerprint}`, Buffer.from(fingerprint, 'hex'), ed25519.sign(message, seed));
}

export function isSigned(message: Uint8Array, signature: string, { fingerprint, key }: PublicKey): boolean {
  const bytes = decode(signature, 2 + fingerprintBytes + signatureBytes, 'signature');
  if (bytesToHex(bytes.subarray(0, fingerprintBytes)) !== fingerprint) return false;
  return ed25519.verify(bytes.subarray(fingerprintBytes), message, key, { zip215: false });
}
