// What a gate wants to see, sample by sample. In: addresses, counts. Out: sentences that look at one sample, read from its
// raw form, and say what they got instead, if it was something else. None of them reads a verdict: there is none to read.
import type { Look } from '../soak/look.ts';
import { leakLine, leaksOf } from '../topology/leak.ts';
import { silenceOf } from '../topology/silence.ts';
import { isTunnelData, type WanPacket } from '../topology/witness.ts';
import type { FlowReading } from './capture.ts';
import { budgets, hold, type Budget, type Series } from './budgets.ts';
import type { SampleOf } from './statement.ts';

export interface WatchReading {
  readonly kind: 'watch';
  readonly packets: readonly WanPacket[];
  /** Unix milliseconds, as in packets. */
  readonly marks: ReadonlyMap<string, number>;
}
/** All of a test, whatever stands between them. */
export interface SeriesReading {
  readonly kind: 'series';
  readonly series: readonly Series[];
}
export interface SoakReading extends Pick<SampleOf<'soak'>, 'kind' | 'seed' | 'port' | 'events'> {
  readonly looks: readonly Look[];
  readonly clear: readonly WanPacket[];
}
export type Reading =
  | SampleOf<'pings'>
  | SampleOf<'fetch'>
  | SampleOf<'packets'>
  | SeriesReading
  | (Pick<SampleOf<'flow'>, 'kind' | 'from' | 'to'> & { readonly flow: FlowReading })
  | WatchReading
  | SoakReading;

export interface Want {
  readonly what: string;
  readonly kind: Reading['kind'];
  /** What was got instead; `undefined` if it is what is wanted. */
  readonly other: (reading: Reading) => string | undefined;
  /** The test tries until it is so: tries before that count for nothing. */
  readonly isRepeated?: boolean;
}
/** By the title of the test; the samples in their order. */
export type Wants = Readonly<Record<string, readonly Want[]>>;

function want<Kind extends Reading['kind']>(
  kind: Kind,
  what: string,
  other: (reading: Extract<Reading, { kind: Kind }>) => string | undefined,
): Want {
  const judge = (reading: Reading): string | undefined =>
    reading.kind === kind ? other(reading as Extract<Reading, { kind: Kind }>) : `a sample of ${reading.kind}`;
  return { what, kind, other: judge };
}

export const hostOf = (index: number): string => `host of r${index}`;
export const lanOf = (index: number): string => `192.168.${index}.2`;
const isTo = (wanted: string | RegExp, to: string): boolean =>
  typeof wanted === 'string' ? wanted === to : wanted.test(to);

function pings(
  from: string,
  to: string | RegExp,
  count: number,
  how: string,
  fits: (received: number) => boolean,
): Want {
  return want('pings', `${count} pings from ${from} to ${String(to)}, ${how}`, (got) =>
    got.from === from && isTo(to, got.to) && got.sent === count && fits(got.received)
      ? undefined
      : `${got.received} answers to ${got.sent} pings from ${got.from} to ${got.to}`,
  );
}

export const reaches = (from: string, to: string | RegExp, count: number): Want =>
  pings(from, to, count, 'all answered', (received) => received === count);
export const isCutOff = (from: string, to: string | RegExp, count: number): Want =>
  pings(from, to, count, 'none answered', (received) => received === 0);
/** Traffic for a witness to look at. */
export const probes = (from: string, to: string, count: number): Want =>
  pings(from, to, count, 'answered or not', () => true);

export function fetches(from: string, to: string, bytes: number): Want {
  return want('fetch', `${bytes} bytes of ${to} at ${from}`, (got) =>
    got.from === from && got.to === to && got.bytes === bytes
      ? undefined
      : `${got.bytes} bytes of ${got.to} at ${got.from}`,
  );
}

export const eventually = (each: Want): Want => ({ ...each, isRepeated: true });

/** Pings that may be on their way when a flow of 100 a second is ended: 2 s, for which ping itself would wait. */
const maxUnderWay = 200;

/** `atLeast` answers and no loss, not at the end either; `lostShare` of all is what the emulation itself may lose. */
export function flows(from: string, to: string, atLeast: number, lostShare = 0): Want {
  return want(
    'flow',
    `a flow from ${from} to ${to}, at least ${atLeast} answers, ${lostShare === 0 ? 'none' : `at most ${lostShare} of it`} lost`,
    (got) => {
      const { lost, received, transmitted, sent } = got.flow;
      const isWhole = lost.length <= sent * lostShare && received >= atLeast && transmitted - sent <= maxUnderWay;
      return isWhole && got.from === from && got.to === to
        ? undefined
        : `${received} answers, ${lost.length} lost, ${transmitted - sent} unanswered at the end, from ${got.from} to ${got.to}`;
    },
  );
}

/** `atLeast` answers, and then it is cut off. */
export function flowsAtFirst(from: string, to: string, atLeast: number): Want {
  return want('flow', `a flow from ${from} to ${to}, at least ${atLeast} answers`, (got) =>
    got.from === from && got.to === to && got.flow.received >= atLeast
      ? undefined
      : `${got.flow.received} answers from ${got.from} to ${got.to}`,
  );
}

export function sees(what: string, other: (reading: WatchReading) => string | undefined): Want {
  return want('watch', `on the WAN ${what}`, other);
}

export const soaks = (what: string, other: (reading: SoakReading) => string | undefined): Want =>
  want('soak', what, other);

export const meets = (what: string, other: (reading: SampleOf<'packets'>) => string | undefined): Want =>
  want('packets', what, other);

export const sealedBy = (packets: readonly WanPacket[], router: string): WanPacket[] =>
  packets.filter((packet) => packet.port === router && isTunnelData(packet));

const maxSilenceMs = 2000;

/** A flow of a router that a map took back: it was there, and ended in time. */
export function silent(index: number, isOfFlow: (packet: WanPacket) => boolean): Want {
  return sees(
    `more than 20 frames of r${index} before the map, and none later than ${maxSilenceMs} ms after its first frame`,
    ({ packets, marks }) => {
      const publishedMs = marks.get('published') ?? Number.POSITIVE_INFINITY;
      const { before, tookMs = Number.POSITIVE_INFINITY } = silenceOf(packets, publishedMs, index, isOfFlow);
      return before > 20 && tookMs < maxSilenceMs
        ? undefined
        : `${before} before, the last ${tookMs.toFixed(0)} ms after it`;
    },
  );
}

export function leaksNothing(router: string, atLeastSealed = 0): Want {
  return sees(
    `packets of ${router}, at least ${atLeastSealed} of them sealed, no leak beside lifelines`,
    ({ packets }) => {
      const own = packets.filter(({ port }) => port === router).length;
      const [leaks, sealed] = [leaksOf(packets, router), sealedBy(packets, router).length];
      if (own > 0 && sealed >= atLeastSealed && leaks.length === 0) return undefined;
      const seen = leaks
        .slice(0, 3)
        .map((each) => `; ${leakLine(each)}`)
        .join('');
      return `${own} packets, ${sealed} sealed, ${leaks.length} leaked${seen}`;
    },
  );
}

/** Every budget of the benchmark, and there is one. */
export function keepsBudgets(benchmark: string, all: readonly Budget[] = budgets): Want {
  const own = all.filter((each) => each.benchmark === benchmark);
  return want('series', `the ${own.length} budgets of ${benchmark}`, ({ series }) => {
    const missed = own.map((budget) => hold(budget, series)).filter(({ isKept }) => !isKept);
    if (own.length === 0) return 'no budget';
    return missed.length === 0 ? undefined : missed.map(({ line }) => line).join('; ');
  });
}
