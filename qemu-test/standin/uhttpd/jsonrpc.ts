/**
 * JSON-RPC of uhttpd-mod-ubus. In: the body of a POST to /ubus. Out: the body of the answer; each call goes through
 * `session access` first. As recorded in openwrt-25.12-luci.md; codes in uhttpd's ubus.c. Left out: subscriptions, and
 * `list` of one object's methods.
 */
import type { JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import { statusCode } from '../../../agent/src/wire/ubus.ts';
import type { Reply } from '../bus/client.ts';

/** What of a ubus client it needs. */
export interface Bus {
  lookup(pattern?: string): Promise<readonly { readonly path: string; readonly signature: JsonTable }[]>;
  call(path: string, method: string, args: JsonTable, timeoutMs?: number): Promise<Reply>;
}
type Answer = Readonly<Record<string, unknown>>;

const errors = {
  parse: [-32700, 'Parse error'],
  request: [-32600, 'Invalid request'],
  method: [-32601, 'Method not found'],
  params: [-32602, 'Invalid parameters'],
  object: [-32000, 'Object not found'],
  access: [-32002, 'Access denied'],
  timeout: [-32003, 'ubus request timed out'],
} as const;
const timeoutMs = 30_000;

function failed(kind: keyof typeof errors): Answer {
  const [code, message] = errors[kind];
  return { error: { code, message } };
}

function isTable(value: unknown): value is JsonTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function call(bus: Bus, params: readonly unknown[]): Promise<Answer> {
  const [sid, object, method, args = {}] = params;
  if (typeof sid !== 'string' || typeof object !== 'string' || typeof method !== 'string') return failed('params');
  // Who may call would else be the caller's word.
  if (!isTable(args) || Object.hasOwn(args, 'ubus_rpc_session')) return failed('params');
  if ((await bus.lookup(object)).length === 0) return failed('object');
  const session = { ubus_rpc_session: sid };
  const asked = await bus.call('session', 'access', { ...session, object, function: method });
  if (asked.data?.['access'] !== true) return failed('access');
  const { status, data } = await bus.call(object, method, { ...args, ...session }, timeoutMs);
  if (status === statusCode('TIMEOUT')) return failed('timeout');
  return { result: data === undefined ? [status] : [status, data] };
}

async function list(bus: Bus, params: readonly unknown[]): Promise<Answer> {
  if (params.length === 0) return { result: (await bus.lookup()).map(({ path }) => path) };
  const found = await Promise.all(params.map((pattern) => bus.lookup(String(pattern))));
  return { result: Object.fromEntries(found.flat().map(({ path, signature }) => [path, signature])) };
}

async function answerOne(bus: Bus, request: unknown): Promise<Answer> {
  if (!isTable(request)) return { jsonrpc: '2.0', id: null, ...failed('request') };
  const { jsonrpc, id = null, method, params = [] } = request as Record<string, unknown>;
  const answered = (answer: Answer): Answer => ({ jsonrpc: '2.0', id, ...answer });
  if (jsonrpc !== '2.0' || typeof method !== 'string') return answered(failed('request'));
  if (!Array.isArray(params)) return answered(failed('params'));
  if (method === 'call') return answered(await call(bus, params as unknown[]));
  if (method === 'list') return answered(await list(bus, params as unknown[]));
  return answered(failed('method'));
}

export async function answerBody(bus: Bus, body: string): Promise<unknown> {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    return { jsonrpc: '2.0', id: null, ...failed('parse') };
  }
  if (!Array.isArray(request)) return answerOne(bus, request);
  const answers: Answer[] = [];
  for (const each of request as unknown[]) answers.push(await answerOne(bus, each));
  return answers;
}
