// Raw samples of one figure, for a person. In: values as they were measured, none left out. Out: a line with their median,
// least and greatest.
import type { Series } from './budgets.ts';
import { percentile } from './capture.ts';

interface Shown {
  readonly unit: string;
  readonly per: number;
}
export const shown: Readonly<Record<Series['unit'], Shown>> = {
  'bit/s': { unit: 'Mbit/s', per: 1e6 },
  us: { unit: 'ms', per: 1e3 },
  KB: { unit: 'MB', per: 1e3 },
  tick: { unit: 'ticks of 10 ms', per: 1 },
  count: { unit: '', per: 1 },
};

/** `median (least to greatest) unit`. */
export function spreadOf({ unit, values }: Series): string {
  const { unit: name, per } = shown[unit];
  const [least, median, greatest] = [1, 50, 100].map((percent) =>
    Number((percentile(values, percent) / per).toPrecision(4)),
  );
  const range = values.length === 1 ? '' : ` (${least} to ${greatest})`;
  return `${median}${range}${name && ` ${name}`}`;
}

export const lineOf = (series: Series): string =>
  `${series.name}: ${spreadOf(series)}, ${series.values.length} ${series.values.length === 1 ? 'sample' : 'samples'}`;
