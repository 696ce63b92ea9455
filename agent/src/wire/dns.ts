/**
 * Questions and answers of DNS, as far as addresses of names go. In: a name and a type; bytes of a datagram.
 * Out: the question's bytes; the addresses that a chain of aliases ends in, with the time they may be kept.
 * Specified in RFC 1035 section 4, RFC 3596 (AAAA); compression only points backwards, so that it ends.
 */
import { WireError } from './error.ts';

export type AddressType = 'A' | 'AAAA';
export interface DnsQuestion {
  readonly id: number;
  /** Labels of RFC 1123 with dots between, no dot at the end. */
  readonly name: string;
  readonly type: AddressType;
}
export interface DnsAnswer {
  readonly id: number;
  /** RCODE: 0 no error, 2 server failure, 3 no such name, 5 refused. */
  readonly code: number;
  readonly isTruncated: boolean;
  /** As it was asked, in lower case; the type as a number. */
  readonly question: { readonly name: string; readonly type: number };
  /** 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[];
  /** The shortest of the records that led to the addresses; 0 without any. */
  readonly ttlS: number;
}

const types = { A: 1, AAAA: 28 } as const;
const cname = 5;
const internet = 1;
const headerBytes = 12;
const maxLabelBytes = 63;
/** RFC 1035 section 3.1, in text without the last dot. */
const maxNameLength = 253;
const maxMessageBytes = 4096;
const maxRecords = 128;
const maxAliases = 16;
/** RFC 2181 section 8: a TTL with the top bit set is 0. */
const maxTtlS = 0x7fffffff;

export function typeNumber(type: AddressType): number {
  return types[type];
}

function encodeName(name: string): readonly number[] {
  const labels = name.split('.').map((label) => [...label].map((letter) => letter.charCodeAt(0)));
  const bad = labels.some((label) => label.length === 0 || label.length > maxLabelBytes);
  if (bad || name.length > maxNameLength || labels.flat().some((byte) => byte < 0x21 || byte > 0x7e)) {
    throw new WireError('unencodable', `wanted a name of DNS, got ${JSON.stringify(name.slice(0, 80))}`);
  }
  return [...labels.flatMap((label) => [label.length, ...label]), 0];
}

const u16 = (value: number): readonly number[] => [value >> 8, value & 255];

/** One question, recursion desired. Throws WireError `unencodable`. */
export function encodeQuestion({ id, name, type }: DnsQuestion): Uint8Array {
  const recursionDesired = 0x0100;
  const header = [id, recursionDesired, 1, 0, 0, 0].flatMap(u16);
  return Uint8Array.from([...header, ...encodeName(name), ...u16(types[type]), ...u16(internet)]);
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number, what: string): Uint8Array {
    const left = this.#bytes.length - this.at;
    if (left < count) throw new WireError('truncated', `${what}: length ${count} at byte ${this.at}, ${left} left`);
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  u16(what: string): number {
    const [high = 0, low = 0] = this.take(2, what);
    return high * 256 + low;
  }

  u32(what: string): number {
    return this.u16(what) * 65536 + this.u16(what);
  }

  /** A name in lower case; each pointer must point before the place where the name or the last pointer began. */
  name(): string {
    const labels: string[] = [];
    let [start, back] = [this.at, -1];
    let length = 0;
    for (;;) {
      const [size = 0] = this.take(1, 'label');
      if (size === 0) break;
      if (size >= 0xc0) {
        const target = (size & 0x3f) * 256 + (this.take(1, 'pointer')[0] ?? 0);
        if (target >= start) throw new WireError('malformed', `wanted a pointer before byte ${start}, got ${target}`);
        if (back < 0) back = this.at;
        this.at = start = target;
        continue;
      }
      if (size > maxLabelBytes) throw new WireError('malformed', `wanted a label, got length byte ${size}`);
      labels.push(String.fromCharCode(...this.take(size, 'label')).toLowerCase());
      length += size + 1;
      if (length > maxNameLength + 1) throw new WireError('too-large', `wanted a name of 253, got ${length - 1}`);
    }
    if (back >= 0) this.at = back;
    return labels.join('.');
  }
}

interface DnsRecord {
  readonly owner: string;
  readonly type: number;
  readonly ttlS: number;
  readonly data: Uint8Array;
  /** What an alias stands for. */
  readonly target?: string;
}

function readRecord(reader: Reader): DnsRecord {
  const owner = reader.name();
  const [type, klass] = [reader.u16('type'), reader.u16('class')];
  const ttl = reader.u32('TTL');
  const ttlS = ttl > maxTtlS ? 0 : ttl;
  const length = reader.u16('data length');
  const begin = reader.at;
  const data = reader.take(length, 'data');
  if (klass !== internet) return { owner, type: 0, ttlS, data };
  if (type !== cname) return { owner, type, ttlS, data };
  reader.at = begin;
  const target = reader.name();
  if (reader.at !== begin + length) {
    throw new WireError('malformed', `wanted a name of ${length} bytes at byte ${begin}, got ${reader.at - begin}`);
  }
  return { owner, type, ttlS, data, target };
}

/** The records on the way from the name that was asked to its addresses. */
function follow(records: readonly DnsRecord[], name: string, type: number): readonly DnsRecord[] {
  const path: DnsRecord[] = [];
  let owner = name;
  for (let steps = 0; steps <= maxAliases; steps += 1) {
    const found = records.filter((record) => record.owner === owner && record.type === type);
    if (found.length > 0) return [...path, ...found];
    const alias = records.find((record) => record.owner === owner && record.type === cname);
    if (alias?.target === undefined) return [];
    path.push(alias);
    owner = alias.target;
  }
  return [];
}

/** Throws WireError for bytes that are not an answer to one question. */
export function decodeAnswer(bytes: Uint8Array): DnsAnswer {
  if (bytes.length > maxMessageBytes) {
    throw new WireError('too-large', `wanted at most ${maxMessageBytes} bytes, got ${bytes.length}`);
  }
  const reader = new Reader(bytes);
  const header = new Reader(reader.take(headerBytes, 'header'));
  const [id, flags] = [header.u16('id'), header.u16('flags')];
  const [questions, answers] = [header.u16('questions'), header.u16('answers')];
  if ((flags & 0x8000) === 0) throw new WireError('malformed', 'wanted an answer, got a question');
  if (questions !== 1) throw new WireError('malformed', `wanted 1 question, got ${questions}`);
  if (answers > maxRecords) throw new WireError('too-large', `wanted at most ${maxRecords} records, got ${answers}`);
  const question = { name: reader.name(), type: reader.u16('type') };
  const klass = reader.u16('class');
  if (klass !== internet) throw new WireError('malformed', `wanted class 1, got ${klass}`);
  const records = Array.from({ length: answers }, () => readRecord(reader));
  const size = question.type === types.A ? 4 : 16;
  const path = follow(records, question.name, question.type);
  const addresses = path.filter(({ type, data }) => type !== cname && data.length === size).map(({ data }) => data);
  const ttlS = addresses.length === 0 ? 0 : Math.min(...path.map((record) => record.ttlS));
  return { id, code: flags & 15, isTruncated: (flags & 0x0200) !== 0, question, addresses, ttlS };
}
