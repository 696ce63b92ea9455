/**
 * libubox blobs: runs of attributes, each a 32-bit big-endian head and a payload padded to 4 bytes.
 * In: bytes and a range in them. Out: attributes as ranges, nothing copied; and bytes of attributes on the way back.
 * The head: bit 31 EXTENDED, bits 24 to 30 the id, the low 24 bits the length with the head and without the padding.
 * Specified in libubox blob.h and blob.c.
 */
import { WireError } from './error.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** Bytes of an attribute's head. */
export const headBytes = 4;

/** The most a message's container may measure, head included: UBUS_MAX_MSGLEN of ubusmsg.h. ubusd hangs up above it. */
export const maxBlobBytes = 1_048_576;

/** A range of bytes; offsets count from the first byte of the message, so that an error can name them. */
export interface Span {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** One attribute: its id, the EXTENDED bit and where its payload lies. */
export interface BlobAttr {
  readonly id: number;
  readonly extended: boolean;
  readonly payload: Span;
}

/** `length` rounded up to the next multiple of 4. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

/** The span over all of `bytes`. */
export function spanOf(bytes: Uint8Array): Span {
  return { bytes, start: 0, end: bytes.length };
}

function viewOf(span: Span): DataView {
  return new DataView(span.bytes.buffer, span.bytes.byteOffset + span.start, span.end - span.start);
}

/** The big-endian view of a payload that must measure exactly `wanted` bytes. Throws `WireError`. */
export function exactView(span: Span, wanted: number, what: string): DataView {
  const got = span.end - span.start;
  if (got !== wanted) {
    const code = got < wanted ? 'truncated' : 'malformed';
    throw new WireError(code, `${what}: wanted ${wanted} bytes at byte ${span.start}, got ${got}`);
  }
  return viewOf(span);
}

/** The view of at least `wanted` bytes at the start of a span. Throws `WireError` `truncated`. */
export function leadingView(span: Span, wanted: number, what: string): DataView {
  const left = span.end - span.start;
  if (left < wanted)
    throw new WireError('truncated', `${what}: wanted ${wanted} bytes at byte ${span.start}, ${left} left`);
  return viewOf(span);
}

/** A u32 payload. */
export function readU32(span: Span, what: string): number {
  return exactView(span, 4, what).getUint32(0);
}

/** A NUL-terminated UTF-8 payload, without its NUL. Throws on a missing or an early NUL and on bad UTF-8. */
export function readText(span: Span, what: string): string {
  const length = span.end - span.start;
  if (length < 1) throw new WireError('truncated', `${what}: wanted a NUL at byte ${span.start}, 0 left`);
  const firstNul = span.bytes.subarray(span.start, span.end).indexOf(0);
  // A C reader stops at the first NUL and a length-aware one does not: two readers, two values.
  if (firstNul !== length - 1) {
    const got = firstNul < 0 ? 'none' : `one at byte ${span.start + firstNul}`;
    throw new WireError('malformed', `${what}: wanted the NUL at byte ${span.end - 1}, got ${got}`);
  }
  return decodeUtf8(span.bytes.subarray(span.start, span.end - 1));
}

/** The attribute that starts at `span.start`; its padding must lie inside the span too. */
function attrAt(span: Span): BlobAttr & { readonly next: number } {
  const head = leadingView(span, headBytes, 'attribute head').getUint32(0);
  const length = head & 0xffffff;
  const left = span.end - span.start;
  if (length < headBytes) {
    throw new WireError(
      'malformed',
      `attribute length: wanted at least ${headBytes} at byte ${span.start}, got ${length}`,
    );
  }
  if (padded(length) > left) throw new WireError('truncated', `length ${length} at byte ${span.start}, ${left} left`);
  return {
    id: (head >>> 24) & 0x7f,
    extended: head >>> 31 === 1,
    payload: { bytes: span.bytes, start: span.start + headBytes, end: span.start + length },
    next: span.start + padded(length),
  };
}

/** Every attribute of a run, in order. Throws `WireError` unless the run ends exactly at the end of the span. */
export function readAttrs(span: Span): BlobAttr[] {
  const attrs: BlobAttr[] = [];
  for (let start = span.start; start < span.end;) {
    const { next, ...attr } = attrAt({ ...span, start });
    attrs.push(attr);
    start = next;
  }
  return attrs;
}

/** The parts behind each other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of one attribute with its padding. Throws `WireError` `too-large` above `maxBlobBytes`. */
export function writeAttr(id: number, payload: Uint8Array, extended = false): Uint8Array {
  const length = headBytes + payload.length;
  if (length > maxBlobBytes) {
    throw new WireError('too-large', `attribute ${id}: wanted at most ${maxBlobBytes} bytes, got ${length}`);
  }
  const bytes = new Uint8Array(padded(length));
  new DataView(bytes.buffer).setUint32(0, ((extended ? 0x80000000 : 0) | (id << 24) | length) >>> 0);
  bytes.set(payload, headBytes);
  return bytes;
}

/** A u32 payload's bytes. */
export function writeU32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0);
  return bytes;
}

/** NUL-terminated UTF-8. Throws `WireError` `unencodable` if the text has a NUL or a lone surrogate. */
export function writeText(text: string): Uint8Array {
  const nul = text.indexOf('\0');
  if (nul >= 0) throw new WireError('unencodable', `wanted text without NUL, got one at character ${nul}`);
  return concat([encodeUtf8(text), new Uint8Array(1)]);
}
