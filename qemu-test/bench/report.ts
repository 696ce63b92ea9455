// What the benchmarks measured, for people. In: statements of evidence. Out: the table of README.md between its two marks,
// and a page with every sample as a dot, on an axis of its own that begins at nought.
import { budgets, hold, type Series } from '../evidence/budgets.ts';
import { benchmarkPrefix } from '../evidence/gates/performance.ts';
import { shown, spreadOf } from '../evidence/series.ts';
import type { Statement } from '../evidence/statement.ts';

const [begin, end] = ['<!-- measured: npm run bench -- --readme -->', '<!-- /measured -->'];

interface Part {
  readonly benchmark: string;
  readonly series: readonly Series[];
  readonly budgets: ReturnType<typeof hold>[];
}

function partOf({ predicate }: Statement): Part {
  const benchmark = predicate.promise.slice(benchmarkPrefix.length);
  const samples = predicate.tests.flatMap((each) => each.samples);
  const series = samples.filter((sample) => sample.kind === 'series');
  const own = budgets.filter((budget) => budget.benchmark === benchmark);
  return { benchmark, series, budgets: own.map((budget) => hold(budget, series)) };
}

function about({ predicate }: Statement): string {
  const { tier, machine, commit, endUnixS, changed } = predicate;
  const day = new Date(endUnixS * 1000).toISOString().slice(0, 10);
  const tree = changed.length === 0 ? '' : `, ${changed.length} files changed since`;
  return `${day}, tier ${tier}, guests with kernel ${machine.guestKernel} on ${machine.cores} cores (${machine.cpu}, ${machine.qemu}, no KVM), commit ${commit.slice(0, 12)}${tree}`;
}

function tableOf(statements: readonly Statement[]): string {
  const rows = statements
    .map(partOf)
    .flatMap(({ series, budgets: own }) => [
      ...series.map((each) => `| ${each.name} | ${spreadOf(each)} | ${each.values.length} |`),
      ...own.map(({ isKept, line }) => `| *budget ${isKept ? 'kept' : 'missed'}:* ${line} | | |`),
    ]);
  return ['| figure | median (least to greatest) | samples |', '|---|---|---|', ...rows, ''].join('\n');
}

/** A table for each day and commit that something was measured at. */
function tablesOf(statements: readonly Statement[]): string {
  const all = [...new Set(statements.map(about))].map((when) => {
    const own = statements.filter((each) => about(each) === when);
    return ['', `${when}.`, '', tableOf(own)].join('\n');
  });
  return all.join('');
}

/** Throws where the marks are not there once each. */
export function withTable(readme: string, statements: readonly Statement[]): string {
  const [before, rest, ...more] = readme.split(begin);
  const [, after, ...others] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length + others.length > 0)
    throw new Error(`README.md: wanted ${begin} and ${end} once each, got something else`);
  return `${before}${begin}\n${tablesOf(statements)}\n${end}${after}`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const width = 480;
const height = 34;

function plotOf({ name, unit, values }: Series): string {
  const { unit: word, per } = shown[unit];
  const most = Math.max(...values, 1);
  const x = (value: number): string => (8 + ((width - 16) * value) / most).toFixed(1);
  const dots = values.map((value) => `<circle cx="${x(value)}" cy="12" r="4"><title>${value / per}</title></circle>`);
  const scale = `<line x1="8" y1="20" x2="${width - 8}" y2="20"/><text x="8" y="32">0</text>`;
  const top = `<text x="${width - 8}" y="32" text-anchor="end">${Number((most / per).toPrecision(3))} ${word}</text>`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(name)}">${scale}${top}${dots.join('')}</svg>`;
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
table{border-collapse:collapse;width:100%}td{padding:.4rem;border-top:1px solid #8886;vertical-align:middle}
svg{width:100%;max-width:30rem}circle{fill:#2a78c8;fill-opacity:.55}line{stroke:currentColor;stroke-opacity:.4}
text{font-size:10px;fill:currentColor}.missed{color:#c33}`;

export function pageOf(statements: readonly Statement[]): string {
  const sections = statements.map((statement) => {
    const { benchmark, series, budgets: own } = partOf(statement);
    const rows = series.map(
      (each) => `<tr><td>${escaped(each.name)}<br><b>${escaped(spreadOf(each))}</b></td><td>${plotOf(each)}</td></tr>`,
    );
    const lines = own.map(
      ({ isKept, line }) =>
        `<li class="${isKept ? 'kept' : 'missed'}">${isKept ? 'kept' : 'missed'}: ${escaped(line)}</li>`,
    );
    return `<h2>${escaped(benchmark)}</h2><p>${escaped(about(statement))}</p><table>${rows.join('')}</table><ul>${lines.join('')}</ul>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Measured</title><style>${style}</style><h1>Measured</h1>${sections.join('')}</html>\n`;
}
