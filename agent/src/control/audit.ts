/**
 * The audit log of a running agent. In: events. Out: lines on flash, signed, and pages of them. Flash wears: events wait
 * in memory, at most ten minutes, and what repeats is one line with a count; what must not be lost with the power is
 * written at once, a few times an hour. Whatever comes, 12 batches an hour are written at most, and those that `keep` asks
 * for, whose rate is bounded where they come from (break-glass.ts).
 */
import { clipped, nextBatch, resumeAudit, type AuditChain } from '../trust/audit-chain.ts';
import {
  auditStart,
  readLine,
  type AuditEvent,
  type AuditFields,
  type AuditHead,
  type AuditMoment,
} from '../trust/audit.ts';
import { isFinding, verifyAudit } from '../trust/audit-verify.ts';
import { isRefusal } from '../trust/refuse.ts';
import type { Identity } from './identity.ts';
import { Fault, type AuditStore, type JsonObject, messageOf } from './ports.ts';

/** What of a router signs its log. */
type Signer = Pick<Identity, 'id' | 'identityKey' | 'sign'>;
/** `acts` are of people at this router, `alarms` of whoever can send it something: each with its own allowance. */
type Urgency = 'act' | 'alarm' | 'routine';
interface Kind {
  readonly urgency: Urgency;
  /** The field of which each value is counted apart; its values must be few. */
  readonly by?: string;
  /** So many have a line of their own in one batch; further ones are counted in the last. */
  readonly lines: number;
}
const kinds = {
  start: { urgency: 'routine', lines: 3 },
  joined: { urgency: 'act', lines: 3 },
  left: { urgency: 'act', lines: 3 },
  'broker-changed': { urgency: 'act', lines: 3 },
  refused: { urgency: 'alarm', by: 'reason', lines: 1 },
  'root-accepted': { urgency: 'routine', lines: 3 },
  'map-accepted': { urgency: 'routine', lines: 3 },
  'floors-raised': { urgency: 'routine', lines: 1 },
  state: { urgency: 'routine', by: 'state', lines: 2 },
  choices: { urgency: 'routine', lines: 3 },
  'key-changed': { urgency: 'routine', lines: 3 },
  'clock-jump': { urgency: 'routine', lines: 3 },
  'drift-repaired': { urgency: 'routine', lines: 3 },
  'break-glass': { urgency: 'act', by: 'what', lines: 6 },
  'break-glass-refused': { urgency: 'act', lines: 3 },
  'audit-tail-cut': { urgency: 'act', lines: 1 },
  'audit-damaged': { urgency: 'act', lines: 1 },
} as const satisfies Record<string, Kind>;
export type AuditKind = keyof typeof kinds;

export interface Happening {
  readonly event: AuditKind;
  readonly fields: AuditFields;
  /** 1 if not said. */
  readonly times?: number;
}
interface Waiting extends AuditMoment {
  readonly event: AuditKind;
  readonly key: string;
  fields: AuditFields;
  count: number;
  lastUnixS: number;
}

const periodS = 600;
const hourS = 3600;
const atOnceAnHour: Readonly<Record<Urgency, number>> = { act: 4, alarm: 2, routine: 0 };
/** One page of text, and what waits, with room for their frame in 64 KB. */
const maxPageBytes = 40 * 1024;
const maxWaitingBytes = 16 * 1024;

function eventOf({ atUnixS, clock, event, fields, count, lastUnixS }: Waiting): AuditEvent {
  return { atUnixS, clock, event, fields: count === 1 ? fields : { ...fields, count, last: lastUnixS } };
}

/** As much as a message may hold; blobmsg's strings end at a zero. */
function textOf(bytes: Uint8Array, maxBytes: number): string {
  const whole = Buffer.from(bytes).toString('utf8').replaceAll('\0', '\ufffd');
  return Buffer.from(whole).subarray(0, maxBytes).toString('utf8');
}

export class Audit {
  readonly #store: AuditStore;
  readonly #identity: Signer;
  readonly #monotonicS: () => number;
  readonly #log: (line: string) => void;
  /** `undefined` until flash was read, and after a write that failed. */
  #chain: AuditChain | undefined;
  /** What this process has seen on flash, whatever becomes of flash. */
  #known: AuditHead = auditStart;
  #waiting: Waiting[] = [];
  #triedAtS: number;
  #atOnce: { readonly urgency: Urgency; readonly key: string; readonly atS: number }[] = [];

  constructor(store: AuditStore, identity: Signer, monotonicS: () => number, log: (line: string) => void) {
    this.#store = store;
    this.#identity = identity;
    this.#monotonicS = monotonicS;
    this.#log = log;
    this.#triedAtS = monotonicS();
  }

  /** Takes up the log where it ended; a torn end is cut off and told before anything else. */
  start(happening: Happening, moment: AuditMoment): void {
    this.#trying(() => this.#open(moment));
    const isUrgent = this.#waiting.length > 0;
    this.record([happening], moment);
    if (isUrgent) this.flush(moment);
  }

  record(happenings: readonly Happening[], moment: AuditMoment): void {
    const keys = happenings.map((each) => this.#wait(each, moment));
    const isUrgent = keys.filter(({ urgency, key }) => this.#takeAllowance(urgency, key)).length > 0;
    if (isUrgent || this.#monotonicS() - this.#triedAtS >= periodS) this.flush(moment);
  }

  /** Writes it at once and by itself, or it is as if it was never told: what may only happen on the record asks first. */
  keep(happening: Happening, moment: AuditMoment): boolean {
    this.flush(moment);
    if (this.#waiting.length > 0) return false;
    this.#wait(happening, moment);
    this.flush(moment);
    const isKept = this.#waiting.length === 0;
    this.#waiting = [];
    return isKept;
  }

  /** The newest of its kind that is on flash, whoever wrote it. */
  last(event: AuditKind): AuditEvent | undefined {
    let found: AuditEvent | undefined;
    this.#trying(() => {
      // A quote within a field has a backslash before it.
      const sign = `"event":"${event}",`;
      const segment = this.#store.read().segments.findLast(({ bytes }) => Buffer.from(bytes).includes(sign));
      if (segment === undefined) return;
      const bytes = Buffer.from(segment.bytes);
      const at = bytes.lastIndexOf(sign);
      const line = readLine(bytes.subarray(bytes.lastIndexOf(0x0a, at) + 1, bytes.indexOf(0x0a, at) + 1));
      found = isRefusal(line) ? undefined : line.entry;
    });
    return found;
  }

  /** Writes what waits. A flash that does not take it is told and asked again in the next period. */
  flush(moment: AuditMoment): void {
    if (this.#waiting.length === 0) return;
    this.#triedAtS = this.#monotonicS();
    this.#trying(() => {
      const { identityKey: key, sign } = this.#identity;
      const chain = this.#chain ?? this.#open(moment);
      const next = nextBatch(chain, this.#waiting.map(eventOf), moment, { key, sign });
      // Until it is known what of it is on flash.
      this.#chain = undefined;
      this.#store.write(next.batch);
      this.#chain = next.chain;
      this.#known = next.chain.head;
      this.#waiting = [];
    });
  }

  #trying(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.#log(`the audit log could not be kept: ${messageOf(error)}`);
    }
  }

  #open(moment: AuditMoment): AuditChain {
    const { chain, events } = resumeAudit(this.#store.read(), this.#identity.identityKey);
    for (const { event, fields } of events) this.#wait({ event: event as AuditKind, fields }, moment);
    this.#chain = chain;
    this.#known = chain.head.seq > this.#known.seq ? chain.head : this.#known;
    return chain;
  }

  #wait(happening: Happening, { atUnixS, clock }: AuditMoment): { urgency: Urgency; key: string } {
    const { event, times = 1 } = happening;
    const fields = clipped(happening.fields);
    const { urgency, by, lines }: Kind = kinds[event];
    const key = by === undefined ? event : `${event} ${String(fields[by])}`;
    const same = this.#waiting.filter((each) => each.key === key);
    const last = same.at(-1);
    if (last === undefined || same.length < lines) {
      this.#waiting.push({ event, key, fields, atUnixS, clock, count: times, lastUnixS: atUnixS });
    } else {
      last.count += times;
      Object.assign(last, { fields, lastUnixS: atUnixS });
    }
    return { urgency, key };
  }

  /** An alarm that was written at once waits an hour until it is again. */
  #takeAllowance(urgency: Urgency, key: string): boolean {
    const nowS = this.#monotonicS();
    this.#atOnce = this.#atOnce.filter(({ atS }) => nowS - atS < hourS);
    const taken = this.#atOnce.filter((each) => each.urgency === urgency);
    if (taken.length >= atOnceAnHour[urgency]) return false;
    if (urgency === 'alarm' && taken.some((each) => each.key === key)) return false;
    this.#atOnce.push({ urgency, key, atS: nowS });
    return true;
  }

  writes(): number {
    return this.#store.writes();
  }

  /**
   * One segment of the log, the first if not said. `next` is the segment after it; the last page has what waits in
   * memory and the head record. Fault `AUDIT` for a segment that is not there.
   */
  page(name: string | undefined): JsonObject {
    const { segments, head } = this.#store.read();
    const at = name === undefined ? 0 : segments.findIndex((each) => each.name === name);
    const segment = segments[at];
    if (segment === undefined && name !== undefined) {
      const got = segments.map((each) => each.name).join(' ') || 'none';
      throw new Fault('AUDIT', name, `audit: wanted a segment that is there (${got}), got "${name}"`);
    }
    const next = segments[at + 1]?.name;
    const page = { segment: segment?.name ?? null, text: textOf(segment?.bytes ?? new Uint8Array(), maxPageBytes) };
    if (next !== undefined) return { ...page, next };
    const waiting = this.#waiting.map((each) => {
      const { atUnixS: at, clock, event, fields } = eventOf(each);
      return `${JSON.stringify({ at, clock, event, ...fields })}\n`;
    });
    const ofHead = head === undefined ? '' : textOf(head, maxPageBytes / 10);
    return { ...page, waiting: textOf(Buffer.from(waiting.join('')), maxWaitingBytes), head: ofHead };
  }

  /** Whether the log on flash is whole, and holds all that this process wrote. */
  verify(): JsonObject {
    const files = this.#store.read();
    const result = verifyAudit(files, this.#identity.identityKey, this.#known);
    const { seq, digest } = this.#known;
    const about = { segments: files.segments.length, head: { seq, digest } };
    if (isFinding(result)) return { ...about, whole: false, finding: { ...result } };
    return { ...about, whole: true, lines: result.length, oldest: result[0]?.atUnixS ?? null };
  }
}
