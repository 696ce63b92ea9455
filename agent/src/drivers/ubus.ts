/**
 * ubus without a process a call: a client and a publisher of objects on ubusd's own socket.
 * In: the path of the socket (OpenWrt: /var/run/ubus/ubus.sock). Out: the port `Ubus`.
 * Objects and subscriptions outlive the connection; calls do not, for nobody knows whether a lost one was carried out.
 */
import { Fault, type JsonObject, type Ubus } from '../control/ports.ts';
import { dataOf, invoke } from '../wire/ubus-messages.ts';
import { statusCode } from '../wire/ubus.ts';
import { UbusConnection } from './ubus-connection.ts';
import type { UbusMethods } from './ubus-invocation.ts';
import { type Listener, UbusPresence } from './ubus-presence.ts';
import { type Reply, statusFault, type UbusSession } from './ubus-session.ts';

export interface UbusOptions {
  readonly path: string;
  /** How long of its time limit a call waits for a connection; all of it if not said. */
  readonly connectMs?: number;
  /** What went wrong where nobody awaits it: a lost connection, a refused name, a handler that threw. */
  readonly onFault?: (fault: Fault) => void;
}

const defaultTimeoutMs = 5_000;

/** What is left of a time limit, which spans the connection, the lookup and the call. */
function countdown(timeoutMs: number): () => number {
  const endMs = performance.now() + timeoutMs;
  return () => Math.max(0, Math.ceil(endMs - performance.now()));
}

function isGone(reply: Reply): boolean {
  // With an object's id it is the object that says NOT_FOUND, of something else: it was called, and is not called twice.
  return reply.status === statusCode('NOT_FOUND') && reply.objectId === undefined;
}

class UbusClient implements Ubus {
  readonly #onFault: (fault: Fault) => void;
  readonly #connectMs: number;
  readonly #published = new Map<string, UbusMethods>();
  readonly #subscribed: { readonly object: string; readonly listener: Listener }[] = [];
  readonly #connection: UbusConnection;
  #presence: UbusPresence | undefined;

  constructor({ path, connectMs = Infinity, onFault }: UbusOptions) {
    this.#connectMs = connectMs;
    this.#onFault = onFault ?? (() => undefined);
    this.#connection = new UbusConnection(path, {
      onReady: (session) => this.#enter(session),
      onFault: this.#onFault,
    });
  }

  async call(object: string, method: string, args: JsonObject = {}, timeoutMs = defaultTimeoutMs): Promise<JsonObject> {
    const subject = `${object} ${method}`;
    const leftMs = countdown(timeoutMs);
    const session = await this.#connection.session(subject, Math.min(this.#connectMs, leftMs()));
    const attempt = async (isFresh: boolean): Promise<Reply> => {
      const id = await session.find(object, leftMs(), isFresh);
      if (id === undefined) throw statusFault(statusCode('NOT_FOUND'), subject);
      return session.request(subject, (sequence) => invoke(sequence, id, method, args), leftMs());
    };
    const first = await attempt(false);
    const reply = isGone(first) ? await attempt(true) : first;
    if (reply.status !== statusCode('OK')) throw statusFault(reply.status, subject);
    const [data] = reply.data;
    return data === undefined ? {} : dataOf(data);
  }

  publish(object: string, methods: UbusMethods): void {
    if (this.#connection.isClosed) throw this.#connection.closedFault(object);
    if (this.#published.has(object)) {
      const message = `${object}: wanted a new object, got one that is published`;
      throw new Fault('UBUS_INVALID_ARGUMENT', object, message);
    }
    this.#published.set(object, methods);
    void this.#presence?.publish(object, methods);
  }

  subscribe(object: string, listener: Listener): void {
    if (this.#connection.isClosed) throw this.#connection.closedFault(object);
    this.#subscribed.push({ object, listener });
    void this.#presence?.subscribe(object, listener);
  }

  close(): void {
    this.#connection.close();
  }

  async #enter(session: UbusSession): Promise<void> {
    const presence = new UbusPresence(session, this.#onFault);
    this.#presence = undefined;
    await presence.watch();
    this.#presence = presence;
    await Promise.all([
      ...[...this.#published].map(([object, methods]) => presence.publish(object, methods)),
      ...this.#subscribed.map(({ object, listener }) => presence.subscribe(object, listener)),
    ]);
  }
}

/** Connects, now and again after each loss, until `close`. Does not throw if ubusd is not there yet. */
export function connectUbus(options: UbusOptions): Ubus {
  return new UbusClient(options);
}
