/**
 * blobmsg: named, typed values inside blobs, what ubus carries as arguments, replies and signatures.
 * In: the payload of a blob attribute. Out: fields with their wire types, which encode to the same bytes again; and the
 * JSON that `ubus call` would show for them. Specified in libubox blobmsg.h, blobmsg.c and blobmsg_json.c.
 */
import {
  type BlobAttr,
  type Span,
  concat,
  exactView,
  leadingView,
  padded,
  readAttrs,
  readText,
  writeAttr,
  writeText,
} from './blob.ts';
import { WireError } from './error.ts';

/** How deep tables and arrays may nest: a message of nested heads must not exhaust the stack. */
export const maxDepth = 32;

/** A value with the type it has on the wire; booleans are `int8`, object ids are signed `int32`. */
export type BlobmsgValue =
  | { readonly type: 'null' }
  | { readonly type: 'array' | 'table'; readonly fields: readonly BlobmsgField[] }
  | { readonly type: 'string'; readonly text: string }
  | { readonly type: 'int64'; readonly value: bigint }
  | { readonly type: 'int32' | 'int16' | 'int8' | 'double'; readonly value: number };

/** A value and its name; members of an array have the empty name. */
export interface BlobmsgField {
  readonly name: string;
  readonly value: BlobmsgValue;
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonTable;
export interface JsonTable {
  readonly [key: string]: JsonValue;
}

/** The attribute ids of blobmsg.h, enum blobmsg_type. */
export const blobmsgTypes = {
  null: 0,
  array: 1,
  table: 2,
  string: 3,
  int64: 4,
  int32: 5,
  int16: 6,
  int8: 7,
  double: 8,
} as const satisfies Record<BlobmsgValue['type'], number>;

const typeNames: readonly (BlobmsgValue['type'] | undefined)[] = [
  'null',
  'array',
  'table',
  'string',
  'int64',
  'int32',
  'int16',
  'int8',
  'double',
];

function deeper(depth: number): number {
  if (depth >= maxDepth) throw new WireError('too-deep', `wanted at most ${maxDepth} levels, got more`);
  return depth + 1;
}

function readValue(type: BlobmsgValue['type'], span: Span, depth: number): BlobmsgValue {
  switch (type) {
    case 'null':
      exactView(span, 0, type);
      return { type };
    case 'array':
    case 'table':
      return { type, fields: readFields(span, deeper(depth)) };
    case 'string':
      return { type, text: readText(span, type) };
    case 'int64':
      return { type, value: exactView(span, 8, type).getBigInt64(0) };
    case 'int32':
      return { type, value: exactView(span, 4, type).getInt32(0) };
    case 'int16':
      return { type, value: exactView(span, 2, type).getInt16(0) };
    case 'int8':
      return { type, value: exactView(span, 1, type).getInt8(0) };
    case 'double':
      return { type, value: exactView(span, 8, type).getFloat64(0) };
  }
}

function readField(attr: BlobAttr, depth: number): BlobmsgField {
  const { start, end } = attr.payload;
  if (!attr.extended) throw new WireError('malformed', `wanted a named value at byte ${start}, got a plain attribute`);
  const type = typeNames[attr.id];
  if (type === undefined)
    throw new WireError('malformed', `wanted a type of 0 to 8 before byte ${start}, got ${attr.id}`);
  const nameLength = leadingView(attr.payload, 2, 'name length').getUint16(0);
  const valueStart = start + padded(2 + nameLength + 1);
  if (valueStart > end) {
    throw new WireError('truncated', `name of ${nameLength} bytes at byte ${start + 2}, ${end - start - 2} left`);
  }
  const name = readText({ ...attr.payload, start: start + 2, end: start + 2 + nameLength + 1 }, 'name');
  return { name, value: readValue(type, { ...attr.payload, start: valueStart }, depth) };
}

/** The fields in a payload. Throws `WireError` on anything that is not a whole run of named values. */
export function readFields(span: Span, depth = 0): BlobmsgField[] {
  return readAttrs(span).map((attr) => readField(attr, depth));
}

function numberBytes(length: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  set(new DataView(bytes.buffer));
  return bytes;
}

function writeValue(value: BlobmsgValue, depth: number): Uint8Array {
  switch (value.type) {
    case 'null':
      return new Uint8Array(0);
    case 'array':
    case 'table':
      return writeFields(value.fields, deeper(depth));
    case 'string':
      return writeText(value.text);
    case 'int64':
      return numberBytes(8, (view) => view.setBigInt64(0, value.value));
    case 'int32':
      return numberBytes(4, (view) => view.setInt32(0, value.value));
    case 'int16':
      return numberBytes(2, (view) => view.setInt16(0, value.value));
    case 'int8':
      return numberBytes(1, (view) => view.setInt8(0, value.value));
    case 'double':
      return numberBytes(8, (view) => view.setFloat64(0, value.value));
  }
}

function nameBytes(name: string): Uint8Array {
  const text = writeText(name);
  const length = text.length - 1;
  if (length > 0xffff) throw new WireError('too-large', `name: wanted at most 65535 bytes, got ${length}`);
  const bytes = new Uint8Array(padded(2 + text.length));
  new DataView(bytes.buffer).setUint16(0, length);
  bytes.set(text, 2);
  return bytes;
}

/** The bytes of a run of fields. Throws `WireError` `too-deep`, `too-large` or `unencodable`. */
export function writeFields(fields: readonly BlobmsgField[], depth = 0): Uint8Array {
  return concat(
    fields.map(({ name, value }) =>
      writeAttr(blobmsgTypes[value.type], concat([nameBytes(name), writeValue(value, depth)]), true),
    ),
  );
}

function valueToJson(value: BlobmsgValue): JsonValue {
  switch (value.type) {
    case 'null':
      return null;
    case 'array':
      return value.fields.map((field) => valueToJson(field.value));
    case 'table':
      return fieldsToJson(value.fields);
    case 'string':
      return value.text;
    case 'int64': {
      const number = Number(value.value);
      return Number.isSafeInteger(number) ? number : value.value.toString();
    }
    case 'int8':
      return value.value !== 0;
    case 'int32':
    case 'int16':
      return value.value;
    case 'double':
      return Number.isFinite(value.value) ? value.value : null;
  }
}

/**
 * The JSON that `ubus call` shows: `int8` is a boolean, integers are signed. An `int64` that a double cannot hold is a
 * decimal string, a double that is not finite is null; of two fields with one name the last counts.
 */
export function fieldsToJson(fields: readonly BlobmsgField[]): JsonTable {
  // fromEntries defines own properties: a field named `__proto__` is data and not a prototype.
  return Object.fromEntries(fields.map(({ name, value }) => [name, valueToJson(value)]));
}

function numberToValue(value: number): BlobmsgValue {
  if (!Number.isFinite(value)) throw new WireError('unencodable', `wanted a finite number, got ${value}`);
  if (!Number.isSafeInteger(value)) return { type: 'double', value };
  return value === (value | 0) ? { type: 'int32', value: value | 0 } : { type: 'int64', value: BigInt(value) };
}

function isList(value: readonly JsonValue[] | JsonTable): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function jsonToValue(json: JsonValue, depth: number): BlobmsgValue {
  if (json === null) return { type: 'null' };
  if (typeof json === 'string') return { type: 'string', text: json };
  if (typeof json === 'boolean') return { type: 'int8', value: json ? 1 : 0 };
  if (typeof json === 'number') return numberToValue(json);
  const inside = deeper(depth);
  if (!isList(json)) return { type: 'table', fields: jsonToFields(json, inside) };
  return { type: 'array', fields: json.map((item) => ({ name: '', value: jsonToValue(item, inside) })) };
}

/**
 * The fields that `ubus call` would send for JSON: integers as `int32` if they fit, else `int64`, other numbers as
 * `double`. Throws `WireError` on more than `maxDepth` levels and on numbers that are not finite.
 */
export function jsonToFields(json: JsonTable, depth = 0): BlobmsgField[] {
  return Object.entries(json).map(([name, value]) => ({ name, value: jsonToValue(value, depth) }));
}
