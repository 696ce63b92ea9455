// What a soak must have shown, computed anew from each look and from every frame that was not sealed.
import type { Look } from '../../soak/look.ts';
import { fallen, strangers } from '../../soak/invariants.ts';
import { leakLine, leaksOf } from '../../topology/leak.ts';
import { percentile } from '../capture.ts';
import { soaks, type SoakReading, type Want, type Wants } from '../wants.ts';

export const title = 'nothing breaks';

/** A router that boots does not answer for half a minute. */
const maxGapMs = 180_000;
const maxCarryMs = 300_000;
const maxPerEventMs = 120_000;
const maxGrowth = 1.25;

function broken(looks: readonly Look[]): string[] {
  const last = new Map<string, Look>();
  return looks.flatMap((now) => {
    const found = [...fallen(last.get(now.router), now), ...strangers(now)];
    last.set(now.router, now);
    return found;
  });
}

const routers = ['r1', 'r2'];

/** Each router by itself: one that nobody looked at shows nothing. */
function gaps(looks: readonly Look[], minutes: number): string[] {
  return routers.flatMap((router) => {
    const times = looks.filter((each) => each.router === router).map(({ atUnixMs }) => atUnixMs);
    const lasted = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 60_000;
    const steps = times.slice(1).map((at, before) => at - (times[before] ?? 0));
    const isUneven = steps.some((gap) => gap > maxGapMs || gap < 0);
    return [
      ...(lasted >= minutes ? [] : [`looks over ${lasted.toFixed(1)} minutes at ${router}`]),
      ...(isUneven ? [`looks ${Math.max(...steps)} ms apart, or out of order, at ${router}`] : []),
    ];
  });
}

/** The last quarter beside the first: what grows by the hour shows. */
function growth(looks: readonly Look[]): string[] {
  return [...new Set(looks.map(({ router }) => router))].flatMap((router) => {
    const kb = looks.filter((each) => each.router === router && each.privateKb > 0).map(({ privateKb }) => privateKb);
    const quarter = Math.ceil(kb.length / 4);
    const [first, last] = [kb.slice(0, quarter), kb.slice(-quarter)].map((part) => percentile(part, 50)) as [
      number,
      number,
    ];
    return last <= first * maxGrowth ? [] : [`${router}: memory of ${first} KB, and ${last} KB in the end`];
  });
}

function happened({ events, looks }: SoakReading): string[] {
  const [first = 0, last = 0] = [looks[0]?.atUnixMs, looks.at(-1)?.atUnixMs];
  const few = (last - first) / maxPerEventMs;
  return [
    ...(events.length >= few ? [] : [`${events.length} events, fewer than ${Math.ceil(few)}`]),
    ...events
      .filter(({ atUnixMs, carriedUnixMs }) => carriedUnixMs < atUnixMs || carriedUnixMs - atUnixMs > maxCarryMs)
      .map(({ event, atUnixMs, carriedUnixMs }) => `"${event}": carried again after ${carriedUnixMs - atUnixMs} ms`),
  ];
}

function leaked({ clear, looks, port }: SoakReading): string[] {
  const sealed = looks.reduce((sum, each) => sum + each.sealed, 0);
  return [
    ...(sealed > 0 ? [] : ['no sealed frame']),
    // A router that talks to its broker is never without one.
    ...(clear.length > 0 ? [] : ['no frame that was not sealed']),
    ...leaksOf(clear, port).map((packet) => `in the clear: ${leakLine(packet)}`),
  ];
}

const lasts = (minutes: number): Want =>
  soaks(`a soak of ${minutes} minutes in which nothing breaks`, (reading) => {
    const { looks } = reading;
    const found = [
      ...gaps(looks, minutes),
      ...broken(looks),
      ...growth(looks),
      ...happened(reading),
      ...leaked(reading),
    ];
    return found.length === 0 ? undefined : found.slice(0, 5).join('; ');
  });

export const soakOf = (minutes: number): Readonly<Record<string, Wants>> => ({ soak: { [title]: [lasts(minutes)] } });
export const soak = soakOf(20);
export const longSoak = soakOf(24 * 60);
