/** The router's Ed25519, SHA-256 and HMAC beside noble's: the same bytes, and the same verdict where keys are honest. */
import { ed25519 as noble } from '@noble/curves/ed25519.js';
import { hmac as nobleHmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, test } from 'vitest';
import { ed25519 } from '../../src/drivers/ed25519.ts';
import { hmac, sha256, sha512 as ourSha512 } from '../../src/drivers/hashes.ts';
import { signer } from '../trust/network.ts';

const { Point } = noble;
const order = Point.Fn.ORDER;
const p = Point.Fp.ORDER;
const fromLittle = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
const little = (value: bigint): Uint8Array => hexToBytes(value.toString(16).padStart(64, '0')).reverse();
const modulo = (value: bigint): bigint => ((value % order) + order) % order;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const by = signer('crypto');
const publicKey = noble.getPublicKey(by.secret);
const message = text('a map');
const honest = noble.sign(message, by.secret);
const [r, s] = [honest.subarray(0, 32), honest.subarray(32)];

/** The challenge of RFC 8032 section 5.1.6. */
const challenge = (nonce: Uint8Array, key: Uint8Array, said: Uint8Array): bigint =>
  modulo(fromLittle(sha512(concatBytes(nonce, key, said))));
/** `R` and `S` for a key whose secret scalar is known, with whatever `R` is wanted. */
function signedWith(nonce: bigint, key: Uint8Array, scalar: bigint, said: Uint8Array): Uint8Array {
  const point = nonce === 0n ? Point.ZERO : Point.BASE.multiply(nonce);
  const shown = point.toBytes();
  return concatBytes(shown, little(modulo(nonce + challenge(shown, key, said) * scalar)));
}
const { scalar } = noble.utils.getExtendedPublicKey(by.secret);

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

describe('Ed25519', () => {
  test('keys and signatures are those of noble, byte for byte', () => {
    for (let index = 0; index < 20; index += 1) {
      const { secret } = signer(`native ${index}`);
      const said = text('m'.repeat(index * 7));
      expect(Buffer.from(ed25519.getPublicKey(secret))).toEqual(Buffer.from(noble.getPublicKey(secret)));
      const signature = ed25519.sign(said, secret);
      expect(Buffer.from(signature)).toEqual(Buffer.from(noble.sign(said, secret)));
      expect(ed25519.verify(signature, said, noble.getPublicKey(secret))).toBe(true);
    }
  });

  const neutral = little(1n);
  test.each([
    ['an honest signature', honest, publicKey, true],
    ['with the neutral element as R', signedWith(0n, publicKey, scalar, message), publicKey, true],
    ['a bit of R', flipped(honest, 3), publicKey, false],
    ['a bit of S', flipped(honest, 40), publicKey, false],
    ['S and the order of the group', concatBytes(r, little(fromLittle(s) + order)), publicKey, false],
    ['R that is no point', concatBytes(little(2n), s), publicKey, false],
    ['R as the neutral element, not canonical', concatBytes(little(p + 1n), s), publicKey, false],
    ['another key', honest, noble.getPublicKey(signer('other').secret), false],
    ['a key that is no point', honest, little(2n), false],
    ['the neutral element as key, and a signature of it', concatBytes(neutral, little(0n)), neutral, false],
    ['the same key, not canonical', concatBytes(neutral, little(0n)), little(p + 1n), false],
    ['a key of order 2', concatBytes(neutral, little(0n)), little(p - 1n), false],
    ['a key of order 4', concatBytes(neutral, little(0n)), little(0n), false],
  ])('%s: the verdict is that of noble, strict', (_, signature, key, verdict) => {
    expect(noble.verify(signature, message, key, { zip215: false })).toBe(verdict);
    expect(ed25519.verify(signature, message, key)).toBe(verdict);
  });

  test.each([0, 63, 65])('a signature of %i bytes does not hold', (length) => {
    expect(ed25519.verify(new Uint8Array(length), message, publicKey)).toBe(false);
  });

  test('of a key with a part of small order it takes less than noble, and nothing that noble refuses', () => {
    const torsion = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
    const mixed = Point.fromBytes(publicKey).add(torsion).toBytes();
    const verdicts = Array.from({ length: 40 }, (_, index) => {
      const said = text(`map ${index}`);
      const signature = signedWith(7n, mixed, scalar, said);
      return [noble.verify(signature, said, mixed, { zip215: false }), ed25519.verify(signature, said, mixed)];
    });
    expect(verdicts.every(([ofNoble]) => ofNoble)).toBe(true);
    expect(new Set(verdicts.map(([, ours]) => ours))).toEqual(new Set([true, false]));
  });
});

test('SHA-2 and HMAC are those of noble, for lengths around a block', () => {
  for (const length of [0, 1, 31, 32, 55, 56, 63, 64, 65, 127, 128, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + length) & 0xff);
    expect(Buffer.from(sha256(bytes))).toEqual(Buffer.from(nobleSha256(bytes)));
    expect(Buffer.from(ourSha512(bytes))).toEqual(Buffer.from(sha512(bytes)));
    expect(Buffer.from(hmac(sha256, bytes, message))).toEqual(Buffer.from(nobleHmac(nobleSha256, bytes, message)));
  }
});
