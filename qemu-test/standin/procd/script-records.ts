/**
 * What an rc script says to procd, on its way to `service set`.
 * In: NUL-terminated fields, as root/lib/functions/procd.sh writes them: a kind, a count, that many arguments. Out: the
 * table that rc.common of OpenWrt would send.
 */
import { constants } from 'node:os';
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';

interface ScriptRecord {
  readonly kind: string;
  readonly args: readonly string[];
}

const tables = ['env', 'data', 'limits'];
const lists = ['command', 'respawn', 'file', 'netdev', 'watch', 'error'];
const flags = ['stdout', 'stderr', 'no_new_privs'];
const numbers = ['nice', 'term_timeout'];
/** rc.common's PROCD_RELOAD_DELAY. */
const reloadDelayMs = 1000;

function readRecords(text: string): ScriptRecord[] {
  const fields = text.split('\0').slice(0, -1);
  const records: ScriptRecord[] = [];
  for (let at = 0; at < fields.length;) {
    const count = Number(fields[at + 1]);
    if (!Number.isInteger(count) || at + 2 + count > fields.length) {
      throw new Error(`rc script: wanted a count after field ${at}, got ${String(fields[at + 1])}`);
    }
    records.push({ kind: fields[at] ?? '', args: fields.slice(at + 2, at + 2 + count) });
    at += 2 + count;
  }
  return records;
}

function pairs(args: readonly string[]): JsonTable {
  return Object.fromEntries(args.map((pair) => /^([^=]*)=?([\s\S]*)$/.exec(pair)?.slice(1, 3) ?? [pair, '']));
}

function signalNumber(name: string): number {
  const named = constants.signals[`SIG${name.replace(/^SIG/, '')}` as NodeJS.Signals] as number | undefined;
  return named ?? Number(name);
}

function parameter(old: JsonValue | undefined, type: string, args: readonly string[]): JsonValue {
  if (tables.includes(type)) return { ...(old as JsonTable | undefined), ...pairs(args) };
  if (lists.includes(type)) return [...((old ?? []) as readonly JsonValue[]), ...args];
  if (flags.includes(type)) return args[0] === '1';
  if (numbers.includes(type)) return Number(args[0]);
  return type === 'reload_signal' ? signalNumber(args[0] ?? '') : (args[0] ?? '');
}

function reloadTrigger(script: string, config: string): JsonValue {
  return ['config.change', ['if', ['eq', 'package', config], ['run_script', script, 'reload']], reloadDelayMs];
}

/** What `service_data` said, by jshn's calls: the values under their names, nested as they were opened. */
function dataOf(records: readonly ScriptRecord[]): JsonTable {
  const data: Record<string, JsonValue> = {};
  const open: (Record<string, JsonValue> | JsonValue[])[] = [data];
  const put = (name: string, value: JsonValue): void => {
    const at = open.at(-1) ?? data;
    if (Array.isArray(at)) at.push(value);
    else at[name] = value;
  };
  for (const { kind, args } of records) {
    const [name = '', value = ''] = args;
    if (kind === 'data_string') put(name, value);
    else if (kind === 'data_close') open.pop();
    else if (kind === 'data_object' || kind === 'data_array') {
      const inner = kind === 'data_array' ? [] : {};
      put(name, inner);
      open.push(inner);
    }
  }
  return data;
}

/** The arguments of `service set` or `service add`. */
export function serviceArguments(name: string, script: string, text: string): JsonTable {
  const instances: Record<string, JsonTable> = {};
  const triggers: JsonValue[] = [];
  let current = '';
  const records = readRecords(text);
  for (const { kind, args } of records) {
    const [first = '', ...rest] = args;
    if (kind === 'instance') {
      current = first === '' ? `instance${Object.keys(instances).length + 1}` : first;
      instances[current] = {};
    } else if (kind === 'set' || kind === 'append') {
      const config = instances[current] ?? {};
      const value = parameter(kind === 'append' ? config[first] : undefined, first, rest);
      instances[current] = { ...config, [first]: value };
    } else if (kind === 'reload_trigger') {
      triggers.push(...args.map((config) => reloadTrigger(script, config)));
    } else if (kind === 'config_trigger') {
      const [config = '', ...command] = rest;
      triggers.push([first, ['if', ['eq', 'package', config], ['run_script', ...command]], reloadDelayMs]);
    } else if (kind === 'interface_trigger') {
      const [subject = '', ...command] = rest;
      triggers.push([first, ['if', ['eq', 'interface', subject], ['run_script', ...command]], reloadDelayMs]);
    } else if (kind === 'raw_trigger') {
      const [delayMs = '0', ...command] = rest;
      triggers.push([first, ['run_script', ...command], Number(delayMs)]);
    }
  }
  return { name, script, instances, triggers, data: dataOf(records) };
}
