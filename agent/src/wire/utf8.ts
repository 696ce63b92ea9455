/**
 * UTF-8 without a host's help, so that the same code runs on Node and on bare engines.
 * In: text or bytes. Out: bytes or text; anything that is not UTF-8 throws. Specified in RFC 3629.
 */
import { WireError } from './error.ts';

/** Characters collected before they are joined to the text: bounds the argument list of `fromCodePoint`. */
const chunkLength = 4096;

/** What a lead byte promises: the continuation bytes after it and its own share of the bits. */
interface Lead {
  readonly more: number;
  readonly bits: number;
  readonly smallest: number;
}

function leadOf(byte: number, at: number): Lead {
  if (byte < 0x80) return { more: 0, bits: byte, smallest: 0 };
  if (byte >= 0xc2 && byte <= 0xdf) return { more: 1, bits: byte & 0x1f, smallest: 0x80 };
  if (byte >= 0xe0 && byte <= 0xef) return { more: 2, bits: byte & 0x0f, smallest: 0x800 };
  if (byte >= 0xf0 && byte <= 0xf4) return { more: 3, bits: byte & 0x07, smallest: 0x10000 };
  throw new WireError('bad-utf8', `wanted a UTF-8 lead byte at byte ${at}, got 0x${byte.toString(16)}`);
}

function isSurrogate(codePoint: number): boolean {
  return codePoint >= 0xd800 && codePoint <= 0xdfff;
}

function codePointAt(bytes: Uint8Array, at: number, lead: Lead): number {
  const left = bytes.length - at - 1;
  if (left < lead.more) {
    throw new WireError('bad-utf8', `wanted ${lead.more} continuation bytes after byte ${at}, ${left} left`);
  }
  let codePoint = lead.bits;
  for (let index = 1; index <= lead.more; index++) {
    const byte = bytes[at + index] ?? 0;
    if ((byte & 0xc0) !== 0x80) {
      throw new WireError('bad-utf8', `wanted a continuation byte at byte ${at + index}, got 0x${byte.toString(16)}`);
    }
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  // A longer spelling of a short character, or half of a UTF-16 pair, is how a filter gets walked around.
  if (codePoint < lead.smallest || codePoint > 0x10ffff || isSurrogate(codePoint)) {
    throw new WireError('bad-utf8', `wanted a shortest-form scalar value at byte ${at}, got ${codePoint.toString(16)}`);
  }
  return codePoint;
}

/** Text of UTF-8 bytes. Throws `WireError` `bad-utf8` on truncation, overlong forms, surrogates; keeps a BOM. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = '';
  let chunk: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const lead = leadOf(bytes[at] ?? 0, at);
    chunk.push(codePointAt(bytes, at, lead));
    at += 1 + lead.more;
    if (chunk.length >= chunkLength) {
      text += String.fromCodePoint(...chunk);
      chunk = [];
    }
  }
  return text + String.fromCodePoint(...chunk);
}

function sizeOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** UTF-8 bytes of text. Throws `WireError` `unencodable` on a lone surrogate. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    if (isSurrogate(codePoint)) {
      throw new WireError('unencodable', `wanted Unicode text, got the lone surrogate ${codePoint.toString(16)}`);
    }
    const size = sizeOf(codePoint);
    if (size === 1) {
      bytes[length++] = codePoint;
      continue;
    }
    bytes[length++] = ((0xf00 >> size) & 0xff) | (codePoint >> (6 * (size - 1)));
    for (let left = size - 2; left >= 0; left--) {
      bytes[length++] = 0x80 | ((codePoint >> (6 * left)) & 0x3f);
    }
  }
  return bytes.slice(0, length);
}
