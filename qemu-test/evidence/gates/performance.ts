// What the benchmarks must have shown: raw series that keep every budget of budgets.json. By benchmark and title.
import { budgets } from '../budgets.ts';
import { keepsBudgets, type Wants } from '../wants.ts';

/** As a benchmark records itself. */
export const benchmarkPrefix = 'benchmark-';
export const title = 'what was measured';

const names = [...new Set(budgets.map(({ benchmark }) => benchmark))];

export const performance: Readonly<Record<string, Wants>> = Object.fromEntries(
  names.map((name) => [`${benchmarkPrefix}${name}`, { [title]: [keepsBudgets(name)] }]),
);
