/**
 * How an audit log goes on. In: what is on flash, or the place where the log stands, and new events. Out: the place
 * where it stands, and what to write: a batch that ends with a checkpoint, and the head record.
 * A batch without its checkpoint was cut by a lost power: it is taken off the end, and that is an event. Everything
 * else that does not fit is left as it is, for `verifyAudit` to find, and the log goes on behind it in a new segment.
 */
import { concatBytes } from '@noble/hashes/utils.js';
import {
  auditStart,
  checkpointRefusal,
  readHead,
  readLine,
  splitLines,
  writeCheckpoint,
  writeEvent,
  writeHead,
  type AuditEvent,
  type AuditFields,
  type AuditHead,
  type AuditMoment,
  type SignAudit,
} from './audit.ts';
import type { AuditFiles, AuditSegment } from './audit-verify.ts';
import { maxAuditSegmentBytes, maxAuditSegments, maxAuditText } from './limits.ts';
import { isRefusal } from './refuse.ts';
import type { IdentityKey } from './types.ts';
import { digestOf } from './words.ts';

/** Where a log stands. */
export interface AuditChain {
  readonly head: AuditHead;
  /** Names of the segments, oldest first. */
  readonly segments: readonly string[];
  /** Where the last segment's next line goes; `undefined` when a new one must begin. */
  readonly endBytes: number | undefined;
}
export interface AuditResumed {
  readonly chain: AuditChain;
  /** What is to be told of how it was found. */
  readonly events: readonly Pick<AuditEvent, 'event' | 'fields'>[];
}
/** Cut the segment off at `atBytes`, add the bytes, then replace the head record, then drop what `keep` does not name. */
export interface AuditBatch {
  /** A head record to write before all that: a log without one is never taken for one that is just being begun. */
  readonly firstHead: Uint8Array | undefined;
  readonly segment: string;
  readonly atBytes: number;
  readonly bytes: Uint8Array;
  readonly head: Uint8Array;
  readonly keep: readonly string[];
}

interface Sealed {
  readonly head: AuditHead;
  readonly endBytes: number;
}

/** The last checkpoint of a segment that holds by itself. */
function lastSealed({ bytes }: AuditSegment, key: IdentityKey): Sealed | undefined {
  let endBytes = bytes.length;
  for (const each of [...splitLines(bytes)].reverse()) {
    const line = readLine(each);
    if (!isRefusal(line) && line.sig !== undefined && checkpointRefusal(line, key) === undefined) {
      return { head: { seq: line.entry.seq, digest: line.digest }, endBytes };
    }
    endBytes -= each.length;
  }
  return undefined;
}

/** Goes on behind what does not fit, with a line that follows none: no later head may make a whole log of it. */
function damaged(names: readonly string[], seq: number, detail: string): AuditResumed {
  // The name of the next segment must come after all that are there.
  const head = { seq: Math.max(seq, Number(names.at(-1) ?? 0)), digest: auditStart.digest };
  return {
    chain: { head, segments: names, endBytes: undefined },
    events: [{ event: 'audit-damaged', fields: { detail } }],
  };
}

/** Where a log goes on that was found on flash. */
export function resumeAudit({ segments, head: record }: AuditFiles, key: IdentityKey): AuditResumed {
  const names = segments.map(({ name }) => name);
  const last = segments.at(-1);
  const head = record === undefined ? undefined : readHead(record, key);
  if (last === undefined && (head === undefined || (!isRefusal(head) && head.seq === 0))) {
    return { chain: { head: auditStart, segments: [], endBytes: undefined }, events: [] };
  }
  const sealed = last && lastSealed(last, key);
  if (head === undefined || isRefusal(head)) {
    const got = head === undefined ? 'got none' : head.detail;
    return damaged(names, sealed?.head.seq ?? 0, `wanted the head record of the log, ${got}`);
  }
  // A segment that was begun and whose first batch was cut.
  const begun = last?.name === String(head.seq + 1) ? { head, endBytes: 0 } : undefined;
  const end = sealed ?? begun;
  const isKnown = end !== undefined && (end.head.seq > head.seq || end.head.digest === head.digest);
  if (last === undefined || !isKnown) {
    const got = end === undefined ? 'none' : `seq ${end.head.seq}`;
    return damaged(names, head.seq, `wanted the checkpoint of seq ${head.seq} at the end of the log, got ${got}`);
  }
  const tail = last.bytes.subarray(end.endBytes);
  const cut = { event: 'audit-tail-cut', fields: { bytes: tail.length, sha256: digestOf(tail) } };
  const chain = { head: end.head, segments: names, endBytes: end.endBytes };
  return { chain, events: tail.length === 0 ? [] : [cut] };
}

/** No control character and no half of a surrogate pair: neither has a short spelling in JSON. */
export function clipped(fields: AuditFields): AuditFields {
  const entries = Object.entries(fields).map(([name, value]) => {
    if (typeof value !== 'string') return [name, value] as const;
    const clean = value.replaceAll(/\p{Cc}|\p{Surrogate}/gu, '\ufffd');
    return [name, [...clean].slice(0, maxAuditText).join('')] as const;
  });
  return Object.fromEntries(entries);
}

/** A checkpoint is shorter than this. */
const maxCheckpointBytes = 400;
/** What the events of one batch may take. */
export const maxBatchBytes = 12 * 1024;

/** The events that still fit go in order; the others are counted. */
function lines(
  after: AuditHead,
  events: readonly AuditEvent[],
  moment: AuditMoment,
): { bytes: Uint8Array; head: AuditHead } {
  const taken: Uint8Array[] = [];
  let [head, bytes, omitted] = [after, 0, 0];
  const take = (event: AuditEvent): void => {
    const { line, head: next } = writeEvent(head, { ...event, fields: clipped(event.fields) });
    taken.push(line);
    [head, bytes] = [next, bytes + line.length];
  };
  for (const event of events) {
    if (bytes < maxBatchBytes) take(event);
    else omitted += 1;
  }
  if (omitted > 0) take({ ...moment, event: 'omitted', fields: { count: omitted } });
  return { bytes: concatBytes(...taken), head };
}

/** The batch of these events, and where the log stands when it is on flash. */
export function nextBatch(
  chain: AuditChain,
  events: readonly AuditEvent[],
  moment: AuditMoment,
  { key, sign }: { readonly key: IdentityKey; readonly sign: SignAudit },
): { readonly batch: AuditBatch; readonly chain: AuditChain } {
  const { bytes, head } = lines(chain.head, events, moment);
  const last = chain.segments.at(-1);
  const fits = (chain.endBytes ?? maxAuditSegmentBytes) + bytes.length + maxCheckpointBytes <= maxAuditSegmentBytes;
  const isNew = last === undefined || !fits;
  const segment = isNew ? String(chain.head.seq + 1) : last;
  const segments = (isNew ? [...chain.segments, segment] : chain.segments).slice(-maxAuditSegments);
  const sealed = writeCheckpoint(head, moment, Number(segments[0]), sign);
  const whole = concatBytes(bytes, sealed.line);
  const atBytes = isNew ? 0 : (chain.endBytes ?? 0);
  const firstHead = chain.head.seq === 0 ? writeHead(auditStart, key, sign) : undefined;
  return {
    batch: { firstHead, segment, atBytes, bytes: whole, head: writeHead(sealed.head, key, sign), keep: segments },
    chain: { head: sealed.head, segments, endBytes: atBytes + whole.length },
  };
}
