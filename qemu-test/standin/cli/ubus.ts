/**
 * The command `ubus`.
 * In: its arguments; the socket. Out: what ubus prints, and the exit statuses recorded (252 for NOT_FOUND: the negated
 * status). Specified in ubus's cli.c.
 */
import type { JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import { policyTypes } from '../../../agent/src/wire/ubus-messages.ts';
import { statusCode } from '../../../agent/src/wire/ubus.ts';
import { BusClient, type Found } from '../bus/client.ts';
import { socketLink } from '../bus/link.ts';
import { indentedJson } from './json-text.ts';
import type { Tool } from './tool.ts';

/** libubus's names of the status codes. */
const statusTexts = [
  'Success',
  'Invalid command',
  'Invalid argument',
  'Method not found',
  'Not found',
  'No response',
  'Permission denied',
  'Request timed out',
  'Operation not supported',
  'Unknown error',
  'Connection failed',
  'Out of memory',
  'Parsing message data failed',
  'System error',
];

interface Options {
  readonly words: readonly string[];
  readonly timeoutMs: number;
  readonly verbose: boolean;
  readonly simple: boolean;
}

function parseOptions(argv: readonly string[]): Options {
  let [timeoutMs, verbose, simple] = [30_000, false, false];
  let at = 0;
  for (; argv[at]?.startsWith('-') === true; at++) {
    const option = argv[at] ?? '';
    if (option === '-t') timeoutMs = Number(argv[++at]) * 1000;
    else if (option === '-s') at++;
    else if (option === '-v') verbose = true;
    else if (option === '-S') simple = true;
  }
  const rest = argv.slice(at);
  // `ubus list -v` is as good as `ubus -v list`.
  const words = rest[0] === 'list' ? rest.filter((word) => word !== '-v') : rest;
  return { words, timeoutMs, verbose: verbose || words.length < rest.length, simple };
}

function parseTable(text: string | undefined): JsonTable | undefined {
  if (text === undefined) return {};
  try {
    const value = JSON.parse(text) as JsonTable;
    return typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function failed(tool: Tool, status: number): number {
  if (status === 0) return 0;
  const what =
    tool.argv[0] === 'call' ? `ubus ${tool.argv.join(' ')} (${statusTexts[status] ?? ''})` : statusTexts[status];
  tool.err(`Command failed: ${what ?? String(status)}\n`);
  return 256 - status;
}

function typeName(type: unknown): string {
  return Object.entries(policyTypes).find(([, number]) => number === type)?.[0] ?? '(unknown)';
}

function describe({ path, id, signature }: Found): string {
  const methods = Object.entries(signature).map(([name, args]) => {
    const shown = Object.entries(args as JsonTable).map(([argument, type]) => `"${argument}":"${typeName(type)}"`);
    return `\t"${name}":{${shown.join(',')}}\n`;
  });
  return `'${path}' @${id.toString(16).padStart(8, '0')}\n${methods.join('')}`;
}

async function list(bus: BusClient, tool: Tool, { words, verbose }: Options): Promise<number> {
  const found = await bus.lookup(words[1]);
  for (const object of found) tool.out(verbose ? describe(object) : `${object.path}\n`);
  return words[1] !== undefined && found.length === 0 ? failed(tool, statusCode('NOT_FOUND')) : 0;
}

async function call(bus: BusClient, tool: Tool, { words, timeoutMs, simple }: Options): Promise<number> {
  const [, path, method, message] = words;
  const args = parseTable(message);
  if (path === undefined || method === undefined) return failed(tool, statusCode('INVALID_COMMAND'));
  if (args === undefined) {
    tool.err('Failed to parse message data\n');
    return 255;
  }
  const { status, data } = await bus.call(path, method, args, timeoutMs);
  if (data !== undefined) tool.out(`${simple ? JSON.stringify(data) : indentedJson(data)}\n`);
  return failed(tool, status);
}

async function listen(bus: BusClient, tool: Tool, { words }: Options): Promise<number> {
  const heard = (event: string, data: JsonTable): void => tool.out(`{ "${event}": ${JSON.stringify(data)} }\n`);
  for (const pattern of words.length > 1 ? words.slice(1) : ['*']) await bus.listen(pattern, heard);
  await tool.abandoned;
  return 0;
}

async function subscribe(bus: BusClient, tool: Tool, { words }: Options): Promise<number> {
  const heard = (event: string, data: JsonTable): void => tool.out(`{ "${event}": ${JSON.stringify(data)} }\n`);
  for (const path of words.slice(1)) {
    const status = await bus.subscribe(path, heard);
    if (status !== 0) return failed(tool, status);
  }
  await tool.abandoned;
  return 0;
}

async function waitFor(bus: BusClient, tool: Tool, { words, timeoutMs }: Options): Promise<number> {
  const missing = new Set(words.slice(1));
  let complete = (): void => undefined;
  const done = new Promise<'done'>((resolve) => (complete = () => resolve('done')));
  const seen = (path: unknown): void => {
    if (typeof path === 'string') missing.delete(path);
    if (missing.size === 0) complete();
  };
  await bus.listen('ubus.object.add', (_event, data) => seen(data['path']));
  for (const { path } of await bus.lookup()) seen(path);
  seen(undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), timeoutMs)));
  const outcome = await Promise.race([done, late, tool.abandoned]);
  clearTimeout(timer);
  return outcome === 'done' ? 0 : failed(tool, statusCode('TIMEOUT'));
}

/** Runs `ubus` over the socket at `path`. */
export async function ubus(tool: Tool, path: string): Promise<number> {
  const options = parseOptions(tool.argv);
  const bus = new BusClient(socketLink(path));
  try {
    const connected = await Promise.race([bus.ready.then(() => true), bus.closed.then(() => false)]);
    if (!connected) {
      tool.err('Failed to connect to ubus\n');
      return 255;
    }
    switch (options.words[0] ?? '') {
      case 'list':
        return await list(bus, tool, options);
      case 'call':
        return await call(bus, tool, options);
      case 'listen':
        return await listen(bus, tool, options);
      case 'subscribe':
        return await subscribe(bus, tool, options);
      case 'wait_for':
        return await waitFor(bus, tool, options);
      case 'send':
        return failed(tool, await bus.send(options.words[1] ?? '', parseTable(options.words[2]) ?? {}));
      default:
        tool.err('Usage: ubus [-v] [-S] [-t seconds] list|call|listen|subscribe|send|wait_for [arguments]\n');
        return 255;
    }
  } finally {
    bus.close();
  }
}
