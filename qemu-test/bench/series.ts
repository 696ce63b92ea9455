// Raw samples of one figure. In: values as they were measured, none left out. Out: their least, median and greatest; and a
// ratio of two series that were measured in turn, in one run, on one machine.
export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly greatest: number;
}

export function spreadOf({ name, values }: Series): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const [least, median, greatest] = [0, sorted.length >> 1, sorted.length - 1].map((at) => sorted[at]);
  if (least === undefined || median === undefined || greatest === undefined || sorted.some(Number.isNaN))
    throw new Error(`${name}: wanted numbers, got ${values.join(' ') || 'none'}`);
  return { least, median, greatest };
}

/** Pair by pair: what changed on the machine meanwhile changed both of a pair. */
export function ratioOf(name: string, over: Series, under: Series): Series {
  if (over.values.length !== under.values.length)
    throw new Error(`${name}: wanted as many of ${over.name} as of ${under.name}, got other numbers`);
  const values = over.values.map((value, at) => value / (under.values[at] ?? Number.NaN));
  return { name, unit: '', values };
}

const shown = (value: number, unit: string): string => `${Number(value.toPrecision(4))}${unit && ` ${unit}`}`;

/** A line for a person: median, spread, and how many. */
export function lineOf(series: Series): string {
  const { least, median, greatest } = spreadOf(series);
  const { name, unit, values } = series;
  const range = `${shown(least, '')} to ${shown(greatest, '')}`;
  return `${name.padEnd(58)} ${shown(median, unit).padStart(14)}   ${range}, ${values.length} samples`;
}
