// What measured figures are held to: budgets.json, one object a budget. In: the series of a benchmark, raw. Out: figures,
// each computed anew, and what is missed. A budget without its series is missed, too.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { percentile } from './capture.ts';
import type { SampleOf } from './statement.ts';

export type Series = Omit<SampleOf<'series'>, 'kind'>;

const figures = {
  median: (values: readonly number[]) => percentile(values, 50),
  p95: (values: readonly number[]) => percentile(values, 95),
  greatest: (values: readonly number[]) => percentile(values, 100),
};

/** `over` divides and `minus` subtracts the same figure of another series of the run. */
export interface Budget {
  readonly benchmark: string;
  readonly of: string;
  readonly over?: string;
  readonly minus?: string;
  readonly by: keyof typeof figures;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export const budgets = JSON.parse(readFileSync(join(import.meta.dirname, 'budgets.json'), 'utf8')) as Budget[];

/** From this on a median or a percentile means something. */
const leastSamples = 5;

function figureOf(name: string, { by }: Budget, series: readonly Series[]): number {
  const [found, ...more] = series.filter((each) => each.name === name);
  if (found === undefined || more.length > 0) return Number.NaN;
  return by !== 'greatest' && found.values.length < leastSamples ? Number.NaN : figures[by](found.values);
}

function valueOf(budget: Budget, series: readonly Series[]): number {
  const { of, over, minus } = budget;
  const own = figureOf(of, budget, series);
  if (over !== undefined) return own / figureOf(over, budget, series);
  return minus === undefined ? own : own - figureOf(minus, budget, series);
}

export interface Kept {
  readonly isKept: boolean;
  /** The budget, and what was got. */
  readonly line: string;
}

export function hold(budget: Budget, series: readonly Series[]): Kept {
  const { of, over, minus, by, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = budget;
  const got = valueOf(budget, series);
  const beside = over === undefined ? (minus === undefined ? '' : ` less ${minus}`) : ` over ${over}`;
  const bound = budget.atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  const shown = Number.isNaN(got) ? 'none: a series is missing, twice or too short' : Number(got.toPrecision(4));
  // NaN is no number of any bound.
  return { isKept: got >= atLeast && got <= atMost, line: `${by} of ${of}${beside}: wanted ${bound}, got ${shown}` };
}
