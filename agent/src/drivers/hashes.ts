/** SHA-2 and HMAC as noble is asked for them, by Node's OpenSSL; bundle/aliases.ts puts this in the place of its modules. */
import { createHash, createHmac } from 'node:crypto';

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** noble asks for the length, and nothing here for the hash. */
export const sha512 = Object.assign((bytes: Uint8Array): Uint8Array => createHash('sha512').update(bytes).digest(), {
  outputLen: 64,
});

/** HMAC-SHA256; no other hash is asked for. */
export function hmac(_: typeof sha256, key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(message).digest();
}
