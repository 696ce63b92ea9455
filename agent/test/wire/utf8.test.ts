import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/wire/error.ts';
import { decodeUtf8, encodeUtf8 } from '../../src/wire/utf8.ts';
import { bytesOf, hexOf } from './recorded.ts';

const good: readonly [string, string, string][] = [
  ['the empty text', '', ''],
  ['ASCII with a NUL', '610062', 'a\0b'],
  ['two bytes, the smallest and the largest', 'c280dfbf', '\u0080\u07ff'],
  ['three bytes around the surrogates', 'e0a080ed9fbfee8080efbfbf', '\u0800\ud7ff\ue000\uffff'],
  ['four bytes, the smallest and the largest', 'f0908080f48fbfbf', '\u{10000}\u{10ffff}'],
  ['a byte order mark stays', 'efbbbf61', '\ufeffa'],
];
const bad: readonly [string, string][] = [
  ['a continuation byte first', '80'],
  ['the overlong NUL', 'c080'],
  ['an overlong slash of two bytes', 'c0af'],
  ['an overlong form of three bytes', 'e09fbf'],
  ['an overlong form of four bytes', 'f08fbfbf'],
  ['half of a surrogate pair', 'eda080'],
  ['above the last code point', 'f4908080'],
  ['a lead byte that does not exist', 'f5808080'],
  ['cut after two of three bytes', 'e282'],
  ['a letter where a continuation belongs', 'e28261'],
];

describe('UTF-8', () => {
  it.each(good)('reads and writes %s', (_sentence, hex, text) => {
    expect(decodeUtf8(bytesOf(hex))).toBe(text);
    expect(hexOf(encodeUtf8(text))).toBe(hex);
  });

  it.each(bad)('refuses %s', (_sentence, hex) => {
    expect(() => decodeUtf8(bytesOf(hex))).toThrow(WireError);
  });

  it.each(['\ud800', 'a\udc00b', '\udc00\ud800'])('refuses to write a lone surrogate', (text) => {
    expect(() => encodeUtf8(text)).toThrow(WireError);
  });

  it('agrees with the host on every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const bytes = encodeUtf8(text);
        expect(hexOf(bytes)).toBe(Buffer.from(text, 'utf8').toString('hex'));
        expect(decodeUtf8(bytes)).toBe(text);
      }),
    );
  });

  it('agrees with the host on all bytes: the same text, or an error from both', () => {
    const host = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const piece = fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0x9f, 0xa0, 0x8f, 0x90);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.array(piece).map(Uint8Array.from.bind(Uint8Array))), (bytes) => {
        let wanted: string | undefined;
        try {
          wanted = host.decode(bytes);
        } catch {
          expect(() => decodeUtf8(bytes)).toThrow(WireError);
          return;
        }
        expect(decodeUtf8(bytes)).toBe(wanted);
      }),
      { numRuns: 3000 },
    );
  });

  it('reads a long text across its inner chunks', () => {
    const text = 'aé€😀'.repeat(20_000);
    expect(decodeUtf8(encodeUtf8(text))).toBe(text);
  });
});
