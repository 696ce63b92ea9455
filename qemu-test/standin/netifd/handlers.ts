/**
 * Protocol handlers: shell scripts in /lib/netifd/proto.
 * In: the folder. Out: what each says of itself when run as `script '' dump`, and processes run as netifd runs them: in
 * that folder, since the scripts load `../netifd-proto.sh`. Specified in netifd's handler.c and proto-shell.c.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';
import type { UciSection } from '../uci/file.ts';

export interface Handler {
  readonly name: string;
  readonly script: string;
  readonly folder: string;
  /** Declared options and their blobmsg types. */
  readonly options: ReadonlyMap<string, number>;
  readonly noDevice: boolean;
  readonly noTask: boolean;
  readonly renews: boolean;
  readonly available: boolean;
  readonly lastError: boolean;
}

const execFileAsync = promisify(execFile);

function handlerOf(dumped: JsonTable, script: string, folder: string): Handler {
  const options = (dumped['config'] ?? []) as readonly (readonly [string, number])[];
  return {
    name: String(dumped['name']),
    script,
    folder,
    options: new Map(options),
    noDevice: dumped['no-device'] === true,
    noTask: dumped['no-proto-task'] === true,
    renews: dumped['renew-handler'] === true,
    available: dumped['available'] === true,
    lastError: dumped['lasterror'] === true,
  };
}

/** Every handler in the folder; a script that cannot say what it is has none. */
export async function loadHandlers(folder: string): Promise<Handler[]> {
  const scripts = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.sh')) : [];
  const handlers = scripts.sort().map(async (script): Promise<Handler[]> => {
    try {
      const { stdout } = await execFileAsync('sh', [`./${script}`, '', 'dump'], { cwd: folder });
      const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
      return lines.map((line) => handlerOf(JSON.parse(line) as JsonTable, script, folder));
    } catch (error) {
      console.log(`netifd: ${script}: wanted a description of its protocols, got ${String(error)}`);
      return [];
    }
  });
  return (await Promise.all(handlers)).flat();
}

function typed(value: string | readonly string[], type: number | undefined): JsonValue {
  if (type === 1) return [value].flat();
  const text = [value].flat().join(' ');
  if (type === 5) return Number(text);
  return type === 7 ? ['1', 'on', 'true', 'yes', 'enabled'].includes(text) : text;
}

/** The configuration that a handler gets: the options of the section with the types that it declared. */
export function handlerConfig(handler: Handler, section: UciSection): JsonTable {
  const known = [...section.options].map(([name, value]) => [name, typed(value, handler.options.get(name))] as const);
  return Object.fromEntries(known);
}

/** Starts a process of a handler; its output goes to the log. */
export function startProcess(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  folder: string,
): ChildProcess {
  const [program = 'false', ...rest] = argv;
  const child = spawn(program, rest, { cwd: folder, env: { ...process.env, ...environment } });
  for (const stream of [child.stdout, child.stderr]) {
    stream
      .setEncoding('utf8')
      .on('data', (text: string) => console.log(`netifd: ${argv.join(' ').slice(0, 80)}: ${text.trimEnd()}`));
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end();
  return child;
}

/** The options for `json_get_var` of the stand-in's shell library, which has no JSON reader. */
export function handlerEnvironment(config: JsonTable): Record<string, string> {
  const entries = Object.entries(config).map(([name, value]) => {
    const text = Array.isArray(value) ? (value as readonly JsonValue[]).map(String).join(' ') : String(value);
    return [`STANDIN_OPTION_${name.replaceAll(/\W/g, '_')}`, typeof value === 'boolean' ? String(Number(value)) : text];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}
