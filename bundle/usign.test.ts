/** usign's files: what OpenWrt's usign made is read, what is made here holds for another implementation of Ed25519. */
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSigned, newSecretKey, parsePublicKey, parseSecretKey, publicKeyFile, sign } from './usign.ts';

/** Made by `usign -G` and `usign -S` of openwrt/usign, over the bytes `hello\n`. */
const fromUsign = {
  secret:
    'untrusted comment: private key 1eb295d080f2f7f6\n' +
    'RWRCSwAAAABAJ4uXNE7qVUP+NcgU1SlLXgKS9ivoQYUespXQgPL39mjWBNizyNQPwqfJCzZ+B/YFcnsCtfbRIyWhN5v7yPBFUjioxyX+IYJZ5xfty/75Zt5OITAjmelN6QLe2VOWbyo=\n',
  public: 'untrusted comment: public key 1eb295d080f2f7f6\nRWQespXQgPL39lI4qMcl/iGCWecX7cv++WbeTiEwI5npTekC3tlTlm8q\n',
  signature:
    'untrusted comment: signed by key 1eb295d080f2f7f6\n' +
    'RWQespXQgPL39mOL6pDyM382JWXEOgWhzRjYtJE1PV2IW7+4tLckwSuUeR2eDb5yl5xIqek1003I2oFwlZS33+TvfjBIOWs2hg4=\n',
};
const hello = Buffer.from('hello\n');
const bytesOf = (text: string): Buffer => Buffer.from(text.split('\n')[1] ?? '', 'base64');
const file = (bytes: Uint8Array): string => `untrusted comment: x\n${Buffer.from(bytes).toString('base64')}\n`;
function bent(text: string, at: number): string {
  const bytes = bytesOf(text);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return file(bytes);
}

describe("usign's own key and signature", () => {
  test('are read and hold, and the same bytes are signed the same', () => {
    const key = parseSecretKey(fromUsign.secret);
    expect(key.fingerprint).toBe('1eb295d080f2f7f6');
    expect(publicKeyFile(key)).toBe(fromUsign.public);
    expect(isSigned(hello, fromUsign.signature, parsePublicKey(fromUsign.public))).toBe(true);
    expect(sign(hello, key)).toBe(fromUsign.signature);
  });
  test.each([
    ['another message', Buffer.from('hullo\n'), fromUsign.signature],
    ['a bit of the signature bent', hello, bent(fromUsign.signature, 20)],
    ['the fingerprint of another key', hello, bent(fromUsign.signature, 5)],
  ])('%s does not hold', (_, message, signature) => {
    expect(isSigned(message, signature, parsePublicKey(fromUsign.public))).toBe(false);
  });
  test.each([
    ['a secret key with a bit bent', () => parseSecretKey(bent(fromUsign.secret, 60)), 'wanted its own sum'],
    ['a secret key with a passphrase', () => parseSecretKey(bent(fromUsign.secret, 7)), 'without a passphrase'],
    ['a public key in its place', () => parseSecretKey(fromUsign.public), 'wanted 104 bytes in base64, got 42'],
    ['another algorithm', () => parsePublicKey(bent(fromUsign.public, 1)), 'wanted Ed, got "Ee"'],
    ['text without base64', () => parsePublicKey('untrusted comment: x\nnonsense!\n'), 'got 0'],
    ['a file without a comment', () => parsePublicKey(fromUsign.public.split('\n')[1] ?? ''), 'a line of comment'],
    [
      'a public key of small order, whose signatures hold for anything',
      () => parsePublicKey(file(Buffer.concat([bytesOf(fromUsign.public).subarray(0, 10), Buffer.alloc(32)]))),
      'not of small order',
    ],
  ])('%s is refused', (_, act, message) => {
    expect(act).toThrow(message);
  });
});

test('a new key signs what node:crypto verifies, and only that', () => {
  const made = newSecretKey((bytes) => randomBytes(bytes));
  const key = parseSecretKey(made.secret);
  expect(parsePublicKey(made.public)).toEqual({ fingerprint: key.fingerprint, key: key.key });
  const message = randomBytes(3000);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytesOf(made.public).subarray(10).toString('base64url') };
  const foreign = createPublicKey({ key: jwk, format: 'jwk' });
  const signature = bytesOf(sign(message, key)).subarray(10);
  expect(verify(null, message, foreign, signature)).toBe(true);
  expect(verify(null, message.subarray(1), foreign, signature)).toBe(false);
});
