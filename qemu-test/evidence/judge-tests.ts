// The tests of one promise, held to what its gate wants, sample by sample. In: a statement that a runner signed, and the
// captures and logs that it names. Out: findings, and figures of flows.
import { isRefusal, refusing } from '../../agent/src/trust/refuse.ts';
import type { Digest } from '../../agent/src/trust/types.ts';
import type { EvidenceSet } from './believe.ts';
import { percentile, readCapture, readFlow } from './capture.ts';
import type { Report } from './findings.ts';
import { readLooks } from '../soak/look.ts';
import { lineOf } from './series.ts';
import type { Predicate, Sample, Statement, TestRecord } from './statement.ts';
import { sha256Of } from './surroundings.ts';
import type { Reading, Want, Wants } from './wants.ts';

interface Source {
  readonly predicate: Predicate;
  readonly set: EvidenceSet;
  readonly report: Report;
}

/** Frames are timed by a clock that runs evenly, a run by that of the day, which NTP slews meanwhile. */
const maxDriftS = 10;

/** Of this machine's time: a guest's clock is another, and is not compared. */
function isWithin({ startUnixS, endUnixS }: Predicate, atMs: number): boolean {
  return atMs >= (startUnixS - maxDriftS) * 1000 && atMs <= (endUnixS + maxDriftS) * 1000;
}

/** The attachment, whole and of its digest, as `parse` reads it. */
function readFile<Value>(
  { predicate, set, report }: Source,
  digest: Digest,
  ending: string,
  parse: (bytes: Uint8Array) => Value,
): Value | undefined {
  const bytes = set.attachment(predicate.promise, digest, ending);
  if (bytes === undefined) {
    report('file-missing', `wanted the file ${digest}.${ending}, got none`);
    return undefined;
  }
  const got = sha256Of(bytes);
  if (got !== digest) {
    report('file-differs', `wanted SHA-256 ${digest}, got ${got}`);
    return undefined;
  }
  const value = refusing(() => parse(bytes));
  if (!isRefusal(value)) return value;
  report('file-malformed', `${digest}.${ending}: ${value.detail}`);
  return undefined;
}

function marksOf({ predicate, report }: Source, samples: readonly Sample[]): ReadonlyMap<string, number> {
  const marks = new Map<string, number>();
  for (const sample of samples) {
    if (sample.kind !== 'mark') continue;
    const atMs = sample.atUnixUs / 1000;
    if (!isWithin(predicate, atMs)) report('time', `wanted the mark ${sample.name} within the run, got ${atMs}`);
    if (marks.has(sample.name)) report('sample', `wanted the mark ${sample.name} once, got it twice`);
    marks.set(sample.name, atMs);
  }
  return marks;
}

function readWatch(source: Source, sample: Sample & { kind: 'watch' }, marks: ReadonlyMap<string, number>): Reading {
  const packets = sample.captures.flatMap(({ port, sha256 }) => {
    const own = readFile(source, sha256, 'pcap', (bytes) => readCapture(bytes, port)) ?? [];
    if (own.length === 0) source.report('nothing-seen', `wanted packets of ${port} in ${sha256}.pcap, got none`);
    return own;
  });
  packets.sort((a, b) => a.atMs - b.atMs);
  const stray = packets.find(({ atMs }) => !isWithin(source.predicate, atMs));
  if (stray !== undefined) source.report('time', `wanted packets within the run, got one at ${stray.atMs} ms`);
  return { kind: 'watch', packets, marks };
}

function readPings(sample: Sample & { kind: 'pings' }, report: Report): Reading {
  const { from, to, sent, received } = sample;
  if (sent === 0) report('nothing-sent', `wanted pings from ${from} to ${to}, got none`);
  if (received > sent) report('impossible', `wanted at most ${sent} answers to ${sent} pings, got ${received}`);
  return sample;
}

function readSoak(source: Source, sample: Sample & { kind: 'soak' }): Reading[] {
  const looks = readFile(source, sample.looks, 'jsonl', readLooks);
  const clear = readFile(source, sample.clear, 'pcap', (bytes) => readCapture(bytes, sample.port));
  const times = [...(looks ?? []), ...(clear ?? []).map(({ atMs }) => ({ atUnixMs: atMs }))];
  const stray = times.find(({ atUnixMs }) => !isWithin(source.predicate, atUnixMs));
  if (stray !== undefined)
    source.report('time', `wanted looks and frames within the run, got one at ${stray.atUnixMs} ms`);
  return looks === undefined || clear === undefined ? [] : [{ ...sample, looks, clear }];
}

function readSample(
  source: Source,
  sample: Exclude<Sample, { kind: 'mark' | 'series' }>,
  samples: readonly Sample[],
): Reading[] {
  if (sample.kind === 'pings') return [readPings(sample, source.report)];
  if (sample.kind === 'fetch' || sample.kind === 'packets') return [sample];
  if (sample.kind === 'watch') return [readWatch(source, sample, marksOf(source, samples))];
  if (sample.kind === 'soak') return readSoak(source, sample);
  const flow = readFile(source, sample.log, 'log', readFlow);
  return flow === undefined ? [] : [{ kind: 'flow', from: sample.from, to: sample.to, flow }];
}

/** Each reading meets the want at its place; nothing is left over on either side. */
function holdTo(readings: readonly Reading[], wants: readonly Want[], test: string, report: Report): void {
  let at = 0;
  for (const want of wants) {
    const isTry = (reading: Reading | undefined): boolean =>
      want.isRepeated === true && reading?.kind === want.kind && want.other(reading) !== undefined;
    while (isTry(readings[at]) && readings[at + 1]?.kind === want.kind) at += 1;
    const reading = readings[at++];
    const other = reading === undefined ? undefined : want.other(reading);
    if (reading === undefined) report('sample-missing', `"${test}": wanted ${want.what}, got no sample`);
    else if (other !== undefined) report('sample', `"${test}": wanted ${want.what}, got ${other}`);
  }
  const left = readings.slice(at).map(({ kind }) => kind);
  if (left.length > 0) report('sample-extra', `"${test}": wanted ${wants.length} samples, got more: ${left.join(' ')}`);
}

function hasSeen(reading: Reading): boolean {
  if (reading.kind === 'pings') return reading.received > 0;
  if (reading.kind === 'fetch') return reading.bytes > 0;
  if (reading.kind === 'packets') return reading.seen.some(({ source }) => source !== 'none');
  if (reading.kind === 'series') return reading.series.some(({ values }) => values.some((value) => value > 0));
  if (reading.kind === 'soak') return reading.looks.some(({ sealed }) => sealed > 0);
  return reading.kind === 'flow' ? reading.flow.received > 0 : reading.packets.length > 0;
}

function figureOf(promise: string, reading: Reading): string[] {
  if (reading.kind === 'series') return reading.series.map((each) => `${promise}: ${lineOf(each)}`);
  if (reading.kind !== 'flow') return [];
  const { received, lost, rttMs } = reading.flow;
  const [p50, p95, p99] = [50, 95, 99].map((percent) => percentile(rttMs, percent));
  return [
    `${promise}: ${reading.from} to ${reading.to}: ${received} answered, ${lost.length} lost, ms p50 ${p50} p95 ${p95} p99 ${p99}`,
  ];
}

function readTest(source: Source, record: TestRecord, wants: readonly Want[]): readonly Reading[] {
  const { test, thrown, samples } = record;
  if (thrown.length > 0) source.report('threw', `"${test}": wanted its end, got ${thrown[0]?.split('\n')[0]}`);
  const series = samples.filter((sample) => sample.kind === 'series');
  const readings = [
    ...samples.flatMap((sample) =>
      sample.kind === 'mark' || sample.kind === 'series' ? [] : readSample(source, sample, samples),
    ),
    ...(series.length === 0 ? [] : [{ kind: 'series' as const, series }]),
  ];
  holdTo(readings, wants, test, source.report);
  return readings;
}

export function judgeTests({ predicate }: Statement, wants: Wants, set: EvidenceSet, report: Report): string[] {
  const { promise, tests } = predicate;
  const readings: Reading[] = [];
  for (const [test, wanted] of Object.entries(wants)) {
    const [record, ...more] = tests.filter((each) => each.test === test);
    if (more.length > 0) report('test-twice', `wanted "${test}" once, got it ${more.length + 1} times`);
    if (record === undefined) report('test-missing', `wanted "${test}", got no such test`);
    else readings.push(...readTest({ predicate, set, report }, record, wanted));
  }
  const unknown = tests.filter(({ test }) => !Object.hasOwn(wants, test));
  for (const { test } of unknown) report('test-unknown', `wanted no other test, got "${test}"`);
  if (!readings.some(hasSeen)) report('nothing-seen', 'wanted a packet that arrived, got none');
  return readings.flatMap((reading) => figureOf(promise, reading));
}
