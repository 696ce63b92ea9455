/**
 * Whether an audit log is whole. In: its segments, oldest first, its head record, the node's identity key. Out: every
 * entry, or the first finding. What is found and what cannot be is said in audit.ts.
 */
import {
  auditStart,
  checkpointRefusal,
  readHead,
  readLine,
  splitLines,
  type AuditEntry,
  type AuditHead,
  type AuditLine,
} from './audit.ts';
import { maxAuditSegmentBytes } from './limits.ts';
import { isRefusal } from './refuse.ts';
import type { IdentityKey } from './types.ts';

export interface AuditSegment {
  /** The seq of its first line. */
  readonly name: string;
  readonly bytes: Uint8Array;
}
export interface AuditFiles {
  readonly segments: readonly AuditSegment[];
  readonly head: Uint8Array | undefined;
}
export interface AuditFinding {
  /** Its name, or `head` for the head record. */
  readonly segment: string;
  /** From 1. */
  readonly line: number;
  /** Wanted and got, for a person. */
  readonly detail: string;
}
interface Placed extends AuditLine {
  readonly segment: string;
  readonly line: number;
}

export function isFinding(value: unknown): value is AuditFinding {
  return typeof value === 'object' && value !== null && 'detail' in value;
}

/** Why a line does not follow the one before; without one, it may be the oldest that is kept. */
function misfit({ entry: { seq, previous } }: AuditLine, before: AuditHead | undefined): string | undefined {
  if (before === undefined && seq > 1) {
    return previous === auditStart.digest ? 'wanted the SHA-256 of the line before, got that of none' : undefined;
  }
  const after = before ?? auditStart;
  if (seq !== after.seq + 1) return `wanted seq ${after.seq + 1}, got ${seq}`;
  if (previous === after.digest) return undefined;
  return `wanted the SHA-256 of the line before, ${after.digest}, got ${previous}`;
}

function headOf({ entry: { seq }, digest }: AuditLine): AuditHead {
  return { seq, digest };
}

/** Adds the lines of a segment to those before. */
function readSegment({ name, bytes }: AuditSegment, lines: Placed[]): AuditFinding | undefined {
  const found = (line: number, detail: string): AuditFinding => ({ segment: name, line, detail });
  if (bytes.length === 0) return found(1, 'wanted a line, got none');
  if (bytes.length > maxAuditSegmentBytes) {
    return found(1, `wanted at most ${maxAuditSegmentBytes} bytes, got ${bytes.length}`);
  }
  let at = 0;
  for (const each of splitLines(bytes)) {
    at += 1;
    const line = readLine(each);
    if (isRefusal(line)) return found(at, line.detail);
    const { seq } = line.entry;
    if (at === 1 && name !== String(seq))
      return found(at, `wanted seq ${name} in the segment of that name, got ${seq}`);
    const before = lines.at(-1);
    const detail = misfit(line, before && headOf(before));
    if (detail !== undefined) return found(at, detail);
    lines.push({ ...line, segment: name, line: at });
  }
  return undefined;
}

/** The signature of the last checkpoint is over everything before it; the others are asked only when that one is none. */
function sealFinding(lines: readonly Placed[], key: IdentityKey): AuditFinding | undefined {
  const seals = lines.filter(({ sig }) => sig !== undefined);
  const [first, last, end] = [lines[0], seals.at(-1), lines.at(-1)];
  if (first === undefined || end === undefined) return undefined;
  if (last !== end) {
    const { segment, line } = lines[last === undefined ? 0 : lines.indexOf(last) + 1] ?? end;
    return { segment, line, detail: 'wanted a signed checkpoint behind this line, got the end of the log' };
  }
  const refusal = checkpointRefusal(last, key);
  if (refusal !== undefined) {
    const { segment, line } = seals.find((each) => checkpointRefusal(each, key) !== undefined) ?? last;
    return { segment, line, detail: refusal.detail };
  }
  const oldest = Number(last.entry.fields['oldest']);
  if (first.entry.seq <= oldest) return undefined;
  const detail = `wanted the lines from seq ${oldest} on, got none before ${first.entry.seq}`;
  return { segment: first.segment, line: 1, detail };
}

function headFinding(lines: readonly Placed[], { seq, digest }: AuditHead): AuditFinding | undefined {
  if (seq === 0 || lines[seq - (lines[0]?.entry.seq ?? 0)]?.digest === digest) return undefined;
  const last = lines.at(-1);
  const got = last === undefined ? 'no log' : `a log that ends with seq ${last.entry.seq}, ${last.digest}`;
  return { segment: 'head', line: 1, detail: `wanted a log with the line of seq ${seq}, ${digest}, got ${got}` };
}

/** `known`: a head that the caller saw earlier; the log must hold it. Nothing at all is a log without entries. */
export function verifyAudit(
  { segments, head }: AuditFiles,
  key: IdentityKey,
  known: AuditHead = auditStart,
): readonly AuditEntry[] | AuditFinding {
  const lines: Placed[] = [];
  for (const segment of segments) {
    const finding = readSegment(segment, lines);
    if (finding !== undefined) return finding;
  }
  const unsealed = sealFinding(lines, key);
  if (unsealed !== undefined) return unsealed;
  if (head === undefined && segments.length > 0) {
    return { segment: 'head', line: 1, detail: 'wanted the head record beside the segments, got none' };
  }
  const recorded = head === undefined ? auditStart : readHead(head, key);
  if (isRefusal(recorded)) return { segment: 'head', line: 1, detail: recorded.detail };
  return headFinding(lines, recorded) ?? headFinding(lines, known) ?? lines.map(({ entry }) => entry);
}
