/** Held to others: node:crypto (OpenSSL), the vectors of RFC 8032 and of DSSE, and OpenSSL's own leniency. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { createPrivateKey, createPublicKey, sign as nodeSign, verify as nodeVerify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../src/trust/base64.ts';
import { encodeEnvelope, openEnvelope, pae, requireSigners } from '../../src/trust/dsse.ts';
import { mapType } from '../../src/trust/limits.ts';
import { encodeMap } from '../../src/trust/map.ts';
import { refusing } from '../../src/trust/refuse.ts';
import type { IdentityKey } from '../../src/trust/types.ts';
import { keyIdOf, parseIdentityKey } from '../../src/trust/words.ts';
import { mapOf, mapSigner, signer } from './network.ts';
import { readVectors } from './make-vectors.ts';

const spki = (key: string): ReturnType<typeof createPublicKey> =>
  createPublicKey({ key: Buffer.from(`302a300506032b6570032100${key}`, 'hex'), format: 'der', type: 'spki' });
const pkcs8 = (secret: Uint8Array): ReturnType<typeof createPrivateKey> =>
  createPrivateKey({
    key: Buffer.from(`302e020100300506032b657004220420${bytesToHex(secret)}`, 'hex'),
    format: 'der',
    type: 'pkcs8',
  });
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('DSSE', () => {
  test("the pre-authentication encoding of the protocol's example", () => {
    expect(Buffer.from(pae('http://example.com/HelloWorld', text('hello world'))).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });
  test('lengths count bytes, not characters', () => {
    expect(Buffer.from(pae('é', text('ü€'))).toString()).toBe('DSSEv1 2 é 5 ü€');
  });
  test('an envelope that OpenSSL signed is taken', () => {
    const payload = encodeMap(mapOf().manifest);
    const sig = new Uint8Array(nodeSign(null, pae(mapType, payload), pkcs8(mapSigner.secret)));
    const bytes = encodeEnvelope({
      payloadType: mapType,
      payload,
      signatures: [{ keyid: keyIdOf(mapSigner.key), sig }],
    });
    const role = { keys: [mapSigner.key], threshold: 1 };
    expect(refusing(() => requireSigners(openEnvelope(bytes, mapType), role, 'maps'))).toBeUndefined();
  });
  test('OpenSSL takes the envelope that we sign', () => {
    const { envelope } = mapOf();
    const { payload, signatures } = openEnvelope(envelope, mapType);
    const sig = signatures[0]?.sig ?? new Uint8Array();
    expect(nodeVerify(null, pae(mapType, payload), spki(mapSigner.key), sig)).toBe(true);
  });
});

describe('Ed25519 as we call it', () => {
  const rfc8032 = [
    [
      'TEST 1',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      'TEST 2',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'TEST 3',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ] as const;
  test.each(rfc8032)('RFC 8032 section 7.1, %s', (_, key, message, signature) => {
    const args = [hexToBytes(signature), hexToBytes(message), hexToBytes(key)] as const;
    expect(ed25519.verify(...args, { zip215: false })).toBe(true);
    const longer = hexToBytes(`${message}00`);
    expect(ed25519.verify(args[0], longer, args[2], { zip215: false })).toBe(false);
  });
  test('any honest signature of ours and of OpenSSL is the same 64 bytes', () => {
    for (let index = 0; index < 20; index += 1) {
      const by = signer(`cross ${index}`);
      const message = text('m'.repeat(index * 7));
      const ours = ed25519.sign(message, by.secret);
      expect(bytesToHex(ours)).toBe(nodeSign(null, message, pkcs8(by.secret)).toString('hex'));
    }
  });
  test('the small-order forgery is one that a lenient verifier takes, so that the refusal means something', () => {
    const vector = readVectors().find(({ what }) => what.includes('small order gives'));
    const bytes = decodeBase64(vector?.bytes ?? '') ?? new Uint8Array();
    const { payload, signatures } = openEnvelope(bytes, mapType);
    const key = `01${'00'.repeat(31)}`;
    const sig = signatures[0]?.sig ?? new Uint8Array();
    expect(ed25519.verify(sig, pae(mapType, payload), hexToBytes(key), { zip215: true })).toBe(true);
    expect(ed25519.verify(sig, pae(mapType, payload), hexToBytes(key), { zip215: false })).toBe(false);
  });
  const p = 2n ** 255n - 19n;
  const little = (value: bigint): string => bytesToHex(hexToBytes(value.toString(16).padStart(64, '0')).reverse());
  test.each([
    ['the neutral element', little(1n)],
    ['a point of order 2', little(p - 1n)],
    ['a point of order 4', little(0n)],
    ['a point of order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['the neutral element, not canonical', little(p + 1n)],
    ['a y of p', little(p)],
    ['no point of the curve', little(2n)],
    ['31 bytes', '00'.repeat(31)],
  ])('as a key, %s is not taken', (_, key) => {
    expect(parseIdentityKey(key)).toBeUndefined();
  });
  test('as a key, an honest one is taken', () => {
    expect(parseIdentityKey(mapSigner.key)).toBe(mapSigner.key satisfies IdentityKey);
  });
});

test('base64 is that of Node, for every length up to 64', () => {
  for (let length = 0; length <= 64; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + length) & 0xff);
    expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
  }
});
