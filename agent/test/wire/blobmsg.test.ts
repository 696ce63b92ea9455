import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/wire/blob.ts';
import {
  type BlobmsgField,
  type BlobmsgValue,
  fieldsToJson,
  type JsonTable,
  jsonToFields,
  maxDepth,
  readFields,
  writeFields,
} from '../../src/wire/blobmsg.ts';
import { WireError } from '../../src/wire/error.ts';
import { bytesOf, hexOf } from './recorded.ts';

const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\0'));
const { field } = fc.letrec<{ field: BlobmsgField; value: BlobmsgValue; fields: BlobmsgField[] }>((tie) => ({
  field: fc.record({ name, value: tie('value') }),
  fields: fc.array(tie('field'), { maxLength: 4 }),
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant<BlobmsgValue>({ type: 'null' }),
    fc.record({ type: fc.constant('string' as const), text: name }),
    fc.record({ type: fc.constant('int64' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
    fc.record({ type: fc.constant('int32' as const), value: fc.integer() }),
    fc.record({ type: fc.constant('int16' as const), value: fc.integer({ min: -32768, max: 32767 }) }),
    fc.record({ type: fc.constant('int8' as const), value: fc.integer({ min: -128, max: 127 }) }),
    fc.record({ type: fc.constant('double' as const), value: fc.double() }),
    fc.record({ type: fc.constantFrom('array' as const, 'table' as const), fields: tie('fields') }),
  ),
}));
/** Runs of fields of every type. */
const anyFields: fc.Arbitrary<BlobmsgField[]> = fc.array(field, { maxLength: 6 });

function nested(levels: number): JsonTable {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'no error';
}

const kinds: readonly [string, string, JsonTable][] = [
  ['a string', '8300000e000161007a7a7a7a7a000000', { a: 'zzzzz' }],
  ['a small integer, signed', '8500000c00016100fffffffd', { a: -3 }],
  ['an integer of more than 32 bits', '8400001000016100000000012a05f200', { a: 5_000_000_000 }],
  ['a boolean as an int8', '870000090001610001000000', { a: true }],
  ['a number with a fraction', '88000010000161003ff8000000000000', { a: 1.5 }],
  ['null without bytes', '8000000800016100', { a: null }],
  ['an array of unnamed members', '81000020000161008500000c00000000000000018300000a0000000062000000', { a: [1, 'b'] }],
  ['a table in a table', '8200001000016100' + '8200000800016200', { a: { b: {} } }],
];
const broken: readonly [string, string, string][] = [
  ['a length longer than what is left', '8300001400016100', 'truncated'],
  ['a length shorter than its own head', '83000003', 'malformed'],
  ['padding that is cut off', '87000009000161000100', 'truncated'],
  ['a name longer than its attribute', '8300000c00ff6100', 'truncated'],
  ['a name without its NUL', '8500000c0001616100000001', 'malformed'],
  ['a string without its NUL', '8300000c000161007a7a7a7a', 'malformed'],
  ['a string with an early NUL', '8300000c000161007a007a00', 'malformed'],
  ['a string that is not UTF-8', '8300000c000161007ac07a00', 'bad-utf8'],
  ['an integer of three bytes', '8500000b0001610000000100', 'truncated'],
  ['an integer of five bytes', '8500000d000161000000000100000000', 'malformed'],
  ['an unknown type', '8900000c0001610000000001', 'malformed'],
  ['a plain attribute among the named', '0500000800000001', 'malformed'],
];

describe('blobmsg', () => {
  it.each(kinds)('carries %s', (_sentence, hex, json) => {
    expect(hexOf(writeFields(jsonToFields(json)))).toBe(hex);
    expect(fieldsToJson(readFields(spanOf(bytesOf(hex))))).toEqual(json);
  });

  it.each(broken)('refuses %s', (_sentence, hex, code) => {
    expect(codeOf(() => readFields(spanOf(bytesOf(hex))))).toBe(code);
  });

  it('says what was wanted, what was there and where', () => {
    expect(() => readFields(spanOf(bytesOf('8500000c0001610000000001' + '83000009')))).toThrow(
      'length 9 at byte 12, 4 left',
    );
  });

  it('takes the deepest nesting and refuses one level more, both ways', () => {
    const deepest = jsonToFields(nested(maxDepth));
    const bytes = writeFields(deepest);
    expect(fieldsToJson(readFields(spanOf(bytes)))).toEqual(nested(maxDepth));
    expect(codeOf(() => jsonToFields(nested(maxDepth + 1)))).toBe('too-deep');
    const deeper: BlobmsgField[] = [{ name: 'a', value: { type: 'table', fields: deepest } }];
    expect(codeOf(() => writeFields(deeper))).toBe('too-deep');
    const wrapped = new Uint8Array(bytes.length + 8);
    wrapped.set([0x82, (wrapped.length >> 16) & 255, (wrapped.length >> 8) & 255, wrapped.length & 255, 0, 1, 0x61, 0]);
    wrapped.set(bytes, 8);
    expect(codeOf(() => readFields(spanOf(wrapped)))).toBe('too-deep');
  });

  it('keeps a field named __proto__ as data', () => {
    const json = fieldsToJson([{ name: '__proto__', value: { type: 'table', fields: [] } }]);
    expect(Object.keys(json)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(json)).toBe(Object.prototype);
  });

  it('shows a counter that a double cannot hold as decimal text', () => {
    expect(fieldsToJson([{ name: 'a', value: { type: 'int64', value: 2n ** 60n + 1n } }])).toEqual({
      a: '1152921504606846977',
    });
  });

  it('round-trips every value with its type', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const bytes = writeFields(fields);
        expect(readFields(spanOf(bytes))).toEqual(fields);
        expect(hexOf(writeFields(readFields(spanOf(bytes))))).toBe(hexOf(bytes));
      }),
    );
  });

  it('round-trips JSON', () => {
    const json = fc.dictionary(name, fc.jsonValue({ maxDepth: 4, noUnicodeString: true }));
    fc.assert(
      fc.property(json, (value) => {
        const wanted = JSON.parse(JSON.stringify(value)) as JsonTable;
        if (JSON.stringify(wanted).includes('\\u0000')) return;
        expect(fieldsToJson(readFields(spanOf(writeFields(jsonToFields(wanted)))))).toEqual(wanted);
      }),
    );
  });

  it('gives a typed error for a run that is cut at any byte inside a field', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const bytes = writeFields(fields);
        const ends = new Set(fields.map((_, count) => writeFields(fields.slice(0, count)).length)).add(bytes.length);
        for (let end = 0; end < bytes.length; end++) {
          const read = (): unknown => readFields(spanOf(bytes.subarray(0, end)));
          if (ends.has(end)) read();
          else expect(read).toThrow(WireError);
        }
      }),
      { numRuns: 40 },
    );
  });
});
