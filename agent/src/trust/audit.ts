/**
 * The audit log's lines. In: an event, or the bytes of a log and the node's identity key. Out: a line of JSON that holds
 * the SHA-256 of the line before (its line feed included); or all entries of a log, or the first thing that is wrong
 * with it. Checkpoints, and the head record beside the segments, are signed as in dsse.ts over PAE.
 *
 * Found: any byte, line or segment that was edited, cut, added, repeated or moved, up to the last checkpoint, and lines
 * behind it; a log that ends before the checkpoint that the head record names, or begins after the line that the last
 * checkpoint names as the oldest kept. Not found: events that were cut before a checkpoint was signed for them; a log
 * and a head record that were both put back to what they were at an earlier time, or both removed, unless somebody kept
 * a later head; what somebody wrote who has the identity key.
 */
import { concatBytes } from '@noble/hashes/utils.js';
import { encodeUtf8 } from '../wire/utf8.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { encodeEnvelope, openEnvelope, pae, requireSigners } from './dsse.ts';
import { readJson, type JsonRecord, type JsonValue } from './json.ts';
import { auditType, maxAuditFields, maxAuditLineBytes, maxEnvelopeBytes } from './limits.ts';
import { refuse, refusing } from './refuse.ts';
import { integer, oneOf, record, text, wanted } from './shape.ts';
import type { Digest, IdentityKey, Refusal } from './types.ts';
import { digestOf, keyIdOf, parseDigest } from './words.ts';

export type AuditValue = string | number | boolean;
export type AuditFields = Readonly<Record<string, AuditValue>>;
/** When, and who vouches for that. */
export interface AuditMoment {
  readonly atUnixS: number;
  readonly clock: 'ntp' | 'signed' | 'unknown';
}
export interface AuditEvent extends AuditMoment {
  /** Lower-case words with dashes: `map-accepted`. */
  readonly event: string;
  /** Names: a letter, then lower-case letters, digits, underscores. */
  readonly fields: AuditFields;
}
export interface AuditEntry extends AuditEvent {
  /** 1 for the first line of a router, then one more a line. */
  readonly seq: number;
  readonly previous: Digest;
}
/** A line that the next one may follow. */
export interface AuditHead {
  readonly seq: number;
  readonly digest: Digest;
}
export type SignAudit = (message: Uint8Array) => Uint8Array;

/** What the first line of all follows. */
export const auditStart: AuditHead = { seq: 0, digest: '0'.repeat(64) as Digest };
export const checkpoint = 'checkpoint';
const lineFeed = new Uint8Array([0x0a]);

const count = (min: number): ReturnType<typeof integer> => integer(min, Number.MAX_SAFE_INTEGER);
const digest = text('a SHA-256, hex', parseDigest);
const always = {
  seq: count(1),
  at: count(0),
  clock: oneOf(['ntp', 'signed', 'unknown']),
  event: text('words with dashes', (word) => (/^[a-z]+(-[a-z]+)*$/.test(word) ? word : undefined)),
  previous: digest,
};
const eventShape = record(always);
const signature = text('64 bytes in base64', (value) => {
  const bytes = decodeBase64(value);
  return bytes?.length === 64 ? bytes : undefined;
});
const checkpointShape = record({ ...always, oldest: count(1), sig: signature });
const headShape = record({ head: count(0), digest });

function wordsOf({ seq, atUnixS, clock, event, fields, previous }: AuditEntry): Record<string, AuditValue> {
  return { seq, at: atUnixS, clock, event, ...fields, previous };
}

function lineOf(entry: AuditEntry, sig?: Uint8Array): Uint8Array {
  const signed = sig === undefined ? {} : { sig: encodeBase64(sig) };
  return encodeUtf8(`${JSON.stringify({ ...wordsOf(entry), ...signed })}\n`);
}

/** What the signature of a checkpoint is over: the line without it. */
function payloadOf(entry: AuditEntry): Uint8Array {
  return encodeUtf8(JSON.stringify(wordsOf(entry)));
}

export interface AuditWritten {
  readonly line: Uint8Array;
  readonly head: AuditHead;
}

function written(line: Uint8Array, seq: number): AuditWritten {
  return { line, head: { seq, digest: digestOf(line) } };
}

export function writeEvent(after: AuditHead, event: AuditEvent): AuditWritten {
  const entry = { ...event, seq: after.seq + 1, previous: after.digest };
  return written(lineOf(entry), entry.seq);
}

/** `oldestSeq`: the first line that is kept from here on. */
export function writeCheckpoint(
  after: AuditHead,
  { atUnixS, clock }: AuditMoment,
  oldestSeq: number,
  sign: SignAudit,
): AuditWritten {
  const seq = after.seq + 1;
  const entry = { seq, atUnixS, clock, event: checkpoint, fields: { oldest: oldestSeq }, previous: after.digest };
  return written(lineOf(entry, sign(pae(auditType, payloadOf(entry)))), seq);
}

/** A DSSE envelope, a line like the others. */
export function writeHead(head: AuditHead, key: IdentityKey, sign: SignAudit): Uint8Array {
  const payload = encodeUtf8(JSON.stringify({ head: head.seq, digest: head.digest }));
  const signatures = [{ keyid: keyIdOf(key), sig: sign(pae(auditType, payload)) }];
  return concatBytes(encodeEnvelope({ payloadType: auditType, payload, signatures }), lineFeed);
}

const soleSigner = (key: IdentityKey): { keys: readonly IdentityKey[]; threshold: number } => ({
  keys: [key],
  threshold: 1,
});

export function readHead(bytes: Uint8Array, key: IdentityKey): AuditHead | Refusal {
  return refusing(() => {
    const envelope = openEnvelope(bytes, auditType);
    requireSigners(envelope, soleSigner(key), 'the head record');
    const { head, digest: of } = headShape(readJson(envelope.payload, maxEnvelopeBytes), '$');
    // One spelling, as for lines: nothing of it may change unseen.
    if (
      !same(
        writeHead({ seq: head, digest: of }, key, () => envelope.signatures[0]?.sig ?? new Uint8Array()),
        bytes,
      )
    )
      refuse('malformed', 'wanted the head record as it was written, got another spelling');
    return { seq: head, digest: of };
  });
}

export interface AuditLine {
  readonly entry: AuditEntry;
  readonly sig: Uint8Array | undefined;
  readonly digest: Digest;
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

function fieldsOf(line: JsonRecord): AuditFields {
  const rest = [...line].filter(([name]) => !Object.hasOwn(always, name));
  if (rest.length > maxAuditFields) refuse('malformed', `wanted ${maxAuditFields} fields at most, got ${rest.length}`);
  for (const [name, value] of rest) {
    // A name that is a number would move to the front of an object.
    if (!/^[a-z][a-z0-9_]*$/.test(name)) wanted('names of lower-case words', '$', name);
    if (typeof value === 'object') wanted('text, a number, true or false', `$.${name}`, value);
  }
  return Object.fromEntries(rest) as AuditFields;
}

function parsed(value: JsonValue): Pick<AuditLine, 'entry' | 'sig'> {
  if (!(value instanceof Map)) wanted('an object', '$', value);
  const line = value as JsonRecord;
  if (line.get('event') === checkpoint) {
    const { at, oldest, sig, ...rest } = checkpointShape(line, '$');
    return { entry: { ...rest, atUnixS: at, fields: { oldest } }, sig };
  }
  const known = new Map([...line].filter(([name]) => Object.hasOwn(always, name)));
  const { at, ...rest } = eventShape(known, '$');
  return { entry: { ...rest, atUnixS: at, fields: fieldsOf(line) }, sig: undefined };
}

/** One line with its line feed. The chain and the signature are not looked at. */
export function readLine(bytes: Uint8Array): AuditLine | Refusal {
  return refusing(() => {
    if (bytes.at(-1) !== 0x0a)
      refuse('malformed', 'wanted a line feed at the end of the line, got the end of the file');
    const line = parsed(readJson(bytes.subarray(0, -1), maxAuditLineBytes));
    // The last line of a log has none after it that would hold its digest: of each value there is one spelling.
    if (!same(lineOf(line.entry, line.sig), bytes))
      refuse('malformed', 'wanted the line as it was written, got another spelling of it');
    return { ...line, digest: digestOf(bytes) };
  });
}

/** Why a checkpoint is none of this node; `undefined` when its signature holds. */
export function checkpointRefusal({ entry, sig }: AuditLine, key: IdentityKey): Refusal | undefined {
  const signatures = sig === undefined ? [] : [{ keyid: keyIdOf(key), sig }];
  return refusing(() => {
    requireSigners(
      { payloadType: auditType, payload: payloadOf(entry), signatures },
      soleSigner(key),
      'the checkpoint',
    );
    return undefined;
  });
}

/** Lines with their line feeds; the last may have none. */
export function splitLines(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0x0a, at);
    const next = end === -1 ? bytes.length : end + 1;
    lines.push(bytes.subarray(at, next));
    at = next;
  }
  return lines;
}
