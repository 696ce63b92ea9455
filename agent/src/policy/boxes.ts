/**
 * Cuts overlapping grants into boxes that do not overlap, as nft's interval maps want them.
 * In: boxes (a source range, a destination range, protocols), in any order. Out: disjoint boxes, each with every protocol
 * that any box around it had.
 */
import type { IpRange } from '../trust/ip.ts';
import type { Protocol } from '../trust/types.ts';

export interface Box {
  readonly from: IpRange;
  readonly to: IpRange;
  readonly protocols: readonly Protocol[];
}

/** The ranges between all borders, each with the entries that cover it. */
function slices<Entry>(entries: readonly Entry[], rangeOf: (entry: Entry) => IpRange): [IpRange, Entry[]][] {
  const borders = new Map<bigint, { begin: Entry[]; end: Entry[] }>();
  const border = (at: bigint): { begin: Entry[]; end: Entry[] } => {
    const known = borders.get(at) ?? { begin: [], end: [] };
    borders.set(at, known);
    return known;
  };
  for (const entry of entries) {
    border(rangeOf(entry).first).begin.push(entry);
    border(rangeOf(entry).last + 1n).end.push(entry);
  }
  const sorted = [...borders].sort(([a], [b]) => (a < b ? -1 : 1));
  const active = new Set<Entry>();
  const result: [IpRange, Entry[]][] = [];
  for (const [index, [first, { begin, end }]] of sorted.entries()) {
    for (const entry of end) active.delete(entry);
    for (const entry of begin) active.add(entry);
    const next = sorted[index + 1];
    const [one] = active;
    if (next === undefined || one === undefined) continue;
    const last = next[0] - 1n;
    const whole = rangeOf(one);
    const isWhole = whole.first === first && whole.last === last;
    result.push([isWhole ? whole : { family: whole.family, first, last }, [...active]]);
  }
  return result;
}

/** Every protocol that any of them has, sorted; `any` swallows the rest. */
export function union(boxes: readonly Pick<Box, 'protocols'>[]): readonly Protocol[] {
  const all = new Set(boxes.flatMap(({ protocols }) => protocols));
  const any = 'any' as Protocol;
  return all.has(any) ? [any] : [...all].sort();
}

/** All boxes of one family. */
export function disjoint(boxes: readonly Box[]): readonly Box[] {
  const unions = new Map<readonly Protocol[], readonly Protocol[]>();
  /** Most lie alone, and have the protocols of one rule. */
  const protocolsOf = (covering: readonly Box[]): readonly Protocol[] => {
    const [one] = covering;
    if (one === undefined || covering.length > 1) return union(covering);
    const known = unions.get(one.protocols) ?? union(covering);
    unions.set(one.protocols, known);
    return known;
  };
  return slices(boxes, ({ from }) => from).flatMap(([from, within]) =>
    slices(within, ({ to }) => to).map(([to, covering]) => ({ from, to, protocols: protocolsOf(covering) })),
  );
}
