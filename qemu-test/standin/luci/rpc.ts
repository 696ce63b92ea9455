/**
 * LuCI's `rpc` and `poll`. In: declarations, and how to post. Out: calls of ubus, whose errors have LuCI's words (rpc.js);
 * functions that are called again and again.
 */
interface Declaration {
  readonly object: string;
  readonly method: string;
  readonly params?: readonly string[];
  readonly expect?: Readonly<Record<string, unknown>>;
  readonly reject?: boolean;
}
interface Message {
  readonly result?: readonly [number, unknown?];
  readonly error?: { readonly code: number; readonly message: string };
}
export type Post = (body: unknown) => Promise<Message>;

/** LuCI's words for libubus's status codes. */
const statusTexts = [
  'Success',
  'Invalid command',
  'Invalid argument',
  'Method not found',
  'Resource not found',
  'No data received',
  'Permission denied',
  'Request timeout',
  'Not supported',
  'Unspecified error',
  'Connection failed',
];

/** What is not of the kind that was expected is what was expected, as in LuCI. */
function expected(value: unknown, expect: Declaration['expect']): unknown {
  const [key, otherwise] = Object.entries(expect ?? {})[0] ?? [];
  if (key === undefined) return value;
  const inner = key === '' ? value : (value as Record<string, unknown> | undefined)?.[key];
  const kind = (each: unknown): string => Object.prototype.toString.call(each);
  return kind(inner) === kind(otherwise) ? inner : otherwise;
}

export class Rpc {
  readonly #post: Post;
  readonly session: () => string;
  #id = 1;

  constructor(post: Post, session: () => string) {
    this.#post = post;
    this.session = session;
  }

  declare(declaration: Declaration): (...args: readonly unknown[]) => Promise<unknown> {
    return (...args) => this.#call(declaration, args);
  }

  async #call(
    { object, method, params = [], expect, reject }: Declaration,
    args: readonly unknown[],
  ): Promise<unknown> {
    const given = Object.fromEntries(
      params.map((name, at) => [name, args[at]]).filter(([, value]) => value !== undefined),
    );
    const request = { jsonrpc: '2.0', id: this.#id++, method: 'call', params: [this.session(), object, method, given] };
    const { result, error } = await this.#post(request);
    const failed = `RPC call to ${object}/${method} failed with`;
    if (error !== undefined) throw new Error(`${failed} error ${error.code}: ${error.message}`);
    if (result === undefined) throw new Error(`RPC call to ${object}/${method} returned invalid message frame`);
    const [status, data] = result;
    if (reject === true && status !== 0)
      throw new Error(`${failed} ubus code ${status}: ${statusTexts[status] ?? '?'}`);
    return expected(result.length > 1 ? data : status, expect);
  }
}

export class Poll {
  readonly #running = new Set<() => unknown>();
  readonly #every: (run: () => void, seconds: number) => void;

  constructor(every: (run: () => void, seconds: number) => void) {
    this.#every = every;
  }

  add(run: () => unknown, seconds = 5): void {
    if (this.#running.has(run)) return;
    this.#running.add(run);
    let isAsking = false;
    this.#every(() => {
      if (isAsking || !this.#running.has(run)) return;
      isAsking = true;
      void Promise.resolve(run()).finally(() => (isAsking = false));
    }, seconds);
  }

  remove(run: () => unknown): void {
    this.#running.delete(run);
  }
}
