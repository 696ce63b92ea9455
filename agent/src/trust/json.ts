/**
 * The one reader of signed JSON. In: bytes, capped before parse. Out: values without floats, nulls, duplicate keys or
 * deep nesting; objects as maps, so that `__proto__` is a key like any other. Specified in RFC 8259, narrowed as above.
 */
import { decodeUtf8 } from '../wire/utf8.ts';
import { WireError } from '../wire/error.ts';
import { maxDepth } from './limits.ts';
import { refuse } from './refuse.ts';

export type JsonValue = string | number | boolean | readonly JsonValue[] | JsonRecord;
export type JsonRecord = ReadonlyMap<string, JsonValue>;

/** Throws a refusal: `too-large` over `maxBytes`, `malformed` for anything that is not one strict value. */
export function readJson(bytes: Uint8Array, maxBytes: number): JsonValue {
  if (bytes.length > maxBytes) refuse('too-large', `wanted at most ${maxBytes} bytes, got ${bytes.length}`);
  return new Reader(utf8(bytes)).document();
}

function utf8(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (error instanceof WireError) refuse('malformed', error.message);
    throw error;
  }
}

const integer = /-?(?:0|[1-9][0-9]*)/y;
const blank = /[ \t\n\r]*/y;
const plain = /[^"\\\u0000-\u001f]*/y;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#take(blank);
    if (this.#at < this.#text.length) this.#wanted('the end');
    return value;
  }

  #wanted(what: string): never {
    const got = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 12)) : 'the end';
    refuse('malformed', `wanted ${what} at character ${this.#at}, got ${got}`);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += match.length;
    return match;
  }

  #next(): string {
    this.#take(blank);
    return this.#text.charAt(this.#at);
  }

  #skip(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#at += 1;
    return true;
  }

  #value(depth: number): JsonValue {
    if (depth > maxDepth) refuse('malformed', `wanted at most ${maxDepth} levels, got more at character ${this.#at}`);
    const next = this.#next();
    if (next === '{') return this.#record(depth);
    if (next === '[') return this.#list(depth);
    if (next === '"') return this.#string();
    for (const [word, value] of [['true', true] as const, ['false', false] as const]) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#integer();
  }

  #record(depth: number): JsonRecord {
    const record = new Map<string, JsonValue>();
    this.#skip('{');
    if (this.#skip('}')) return record;
    do {
      if (this.#next() !== '"') this.#wanted('a key');
      const key = this.#string();
      if (record.has(key)) refuse('malformed', `wanted each key once, got ${JSON.stringify(key)} twice`);
      if (!this.#skip(':')) this.#wanted('":"');
      record.set(key, this.#value(depth + 1));
    } while (this.#skip(','));
    if (!this.#skip('}')) this.#wanted('"," or "}"');
    return record;
  }

  #list(depth: number): readonly JsonValue[] {
    const list: JsonValue[] = [];
    this.#skip('[');
    if (this.#skip(']')) return list;
    do list.push(this.#value(depth + 1));
    while (this.#skip(','));
    if (!this.#skip(']')) this.#wanted('"," or "]"');
    return list;
  }

  #integer(): number {
    const text = this.#take(integer);
    const value = Number(text);
    if (text === '' || text === '-0') this.#wanted('a value');
    if (!Number.isSafeInteger(value)) refuse('malformed', `wanted an integer within 2^53, got ${text}`);
    if (/[.eE]/.test(this.#text.charAt(this.#at))) this.#wanted('an integer without fraction or exponent');
    return value;
  }

  #string(): string {
    let text = '';
    this.#at += 1;
    for (;;) {
      text += this.#take(plain);
      const next = this.#text.charAt(this.#at);
      if (next !== '"' && next !== '\\') this.#wanted('the end of a string');
      this.#at += 1;
      if (next === '"') break;
      text += this.#escape();
    }
    if (/\p{Surrogate}/u.test(text)) refuse('malformed', 'wanted Unicode text, got half a surrogate pair');
    return text;
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at);
    const known = escapes[letter];
    if (known !== undefined) {
      this.#at += 1;
      return known;
    }
    const hex = /^u([0-9a-fA-F]{4})/.exec(this.#text.slice(this.#at, this.#at + 5))?.[1];
    if (hex === undefined) this.#wanted('an escape of RFC 8259');
    this.#at += 5;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }
}
