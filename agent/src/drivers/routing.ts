/**
 * Rules and routes of the kernel by ip(8). In: lines of plan/routing.ts. Out: those of them that the kernel has, in the
 * same form, read from its JSON. One process a family and look: `-batch` answers line by line.
 */
import { Fault, type RoutingTables } from '../control/ports.ts';
import type { Family, Routing } from '../plan/observed.ts';
import { lastMetric, priorities, tunnelTable } from '../plan/routing.ts';
import { run, tryRun } from './run.ts';

type Fields = Readonly<Record<string, unknown>>;
const ours = new Set<unknown>(Object.values(priorities));

/** A field with its name before it, where there is one. */
function word(fields: Fields, name: string, label = name): readonly string[] {
  const value = fields[name];
  return value === undefined ? [] : [label, String(value)];
}

function ruleLine(fields: Fields): string {
  const mark = fields['fwmark'] === undefined ? [] : ['fwmark', `${fields['fwmark']}/${fields['fwmask']}`];
  return [
    ...word(fields, 'priority'),
    ...('not' in fields ? ['not'] : []),
    ...word(fields, 'dst', 'to'),
    ...mark,
    ...word(fields, 'iif'),
    ...['ipproto', 'sport', 'dport'].flatMap((name) => word(fields, name)),
    ...(fields['action'] === undefined ? word(fields, 'table', 'lookup') : [String(fields['action'])]),
  ].join(' ');
}

function prefixOf(dst: unknown, family: Family): string {
  if (dst === 'default') return family === 4 ? '0.0.0.0/0' : '::/0';
  const text = String(dst);
  return text.includes('/') ? text : `${text}/${family === 4 ? 32 : 128}`;
}

function routeLine(fields: Fields, family: Family, table: string): string {
  const { type, dst } = fields;
  const isPath = type === undefined || type === 'unicast';
  return [
    ...(isPath ? [] : [String(type)]),
    prefixOf(dst, family),
    ...(isPath ? word(fields, 'dev') : []),
    ...['table', table],
    // The kernel gives throws of IPv6 a metric that nobody asked for.
    ...(type === 'throw' ? [] : word(fields, 'metric')),
  ].join(' ');
}

function listOf(line: string | undefined): readonly Fields[] {
  return line === undefined ? [] : (JSON.parse(line) as readonly Fields[]);
}

async function look(family: Family): Promise<Routing> {
  const questions = ['rule list', 'route list type unreachable table main', `route list table ${tunnelTable}`];
  const { status, out, said } = await tryRun('ip', [`-${family}`, '-j', '-batch', '-'], `${questions.join('\n')}\n`);
  // A table that nothing was ever put into is none.
  const isMissing = said.includes('FIB table does not exist');
  const [rules, held, tunnel] = out.split('\n').filter((line) => line.startsWith('['));
  if ((status !== 'status 0' && !isMissing) || held === undefined) {
    throw new Fault('PROGRAM_FAILED', 'ip', `ip -${family}: wanted its rules and routes, got ${status}: ${said}`);
  }
  return {
    rules: listOf(rules)
      .filter(({ priority }) => ours.has(priority))
      .map(ruleLine),
    routes: [
      ...listOf(held)
        .filter(({ metric }) => metric === lastMetric)
        .map((each) => routeLine(each, family, 'main')),
      ...listOf(tunnel).map((each) => routeLine(each, family, String(tunnelTable))),
    ],
  };
}

export function connectRouting(): RoutingTables {
  return {
    look: async () => {
      const [v4, v6] = await Promise.all([look(4), look(6)]);
      return { 4: v4, 6: v6 };
    },
    run: async (scripts) => {
      for (const family of [4, 6] as const) {
        if (scripts[family] !== '') await run('ip', [`-${family}`, '-batch', '-'], scripts[family]);
      }
    },
  };
}
