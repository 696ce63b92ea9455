/**
 * A client of ubus: calls, and objects of its own.
 * In: a `Link`, calls, methods. Out: replies; invocations answered with what the method returns.
 * Specified in libubus.c, libubus-obj.c, libubus-sub.c. The stand-in services use it inside the process, the command
 * line tools and the tests over the socket.
 */
import { type BlobmsgField, fieldsToJson, type JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import * as messages from '../../../agent/src/wire/ubus-messages.ts';
import { type Frame, statusCode, type StatusName } from '../../../agent/src/wire/ubus.ts';
import type { Link } from './link.ts';

/** The DATA of a reply, if there was any, and its status. */
export interface Reply {
  readonly status: number;
  readonly data: JsonTable | undefined;
}
interface RawReply {
  readonly status: number;
  readonly frames: readonly Frame[];
}
/** A table is sent as DATA with status 0; `undefined` is status 0 alone; a name is that status alone. */
export type Result = JsonTable | undefined | StatusName;
export interface Method {
  readonly args: messages.Signature[string];
  readonly run: (args: JsonTable, caller: number) => Result | Promise<Result>;
}
export type Methods = Readonly<Record<string, Method>>;
export interface Published {
  readonly id: number;
  notify(method: string, data: JsonTable): void;
  remove(): Promise<void>;
}
export interface Found {
  readonly path: string;
  readonly id: number;
  readonly signature: JsonTable;
}
type Receive = (frame: Frame) => void;
interface Waiting {
  readonly frames: Frame[];
  readonly onData: Receive | undefined;
  readonly settle: (reply: RawReply) => void;
}

/** libubus passes over an argument of another type than the method declares; so the method sees none. */
function declaredArgs(fields: readonly BlobmsgField[], args: Method['args']): JsonTable {
  const kept = fields.filter(({ name, value }) => {
    const wanted = args[name];
    return wanted === undefined || typeOf(value.type) === wanted;
  });
  return fieldsToJson(kept);
}

function typeOf(type: BlobmsgField['value']['type']): messages.PolicyType | undefined {
  const names = { string: 'String', int32: 'Integer', int8: 'Boolean', table: 'Table', array: 'Array' } as const;
  return type in names ? names[type as keyof typeof names] : undefined;
}

function isStatusName(result: Result): result is StatusName {
  return typeof result === 'string';
}

export class BusClient {
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;
  readonly #link: Link;
  readonly #waiting = new Map<number, Waiting>();
  readonly #owned = new Map<number, Receive>();
  readonly #types = new Map<string, number>();
  #sequence = 0;

  constructor(link: Link) {
    this.#link = link;
    let onReady: () => void;
    let onClosed: () => void;
    this.ready = new Promise((resolve) => (onReady = resolve));
    this.closed = new Promise((resolve) => (onClosed = resolve));
    link.open(
      (frame) => {
        if (frame.type === 'HELLO') onReady();
        else this.#receive(frame);
      },
      () => {
        for (const { settle } of this.#waiting.values()) {
          settle({ status: statusCode('CONNECTION_FAILED'), frames: [] });
        }
        onClosed();
      },
    );
  }

  close(): void {
    this.#link.close();
  }

  /** Objects by path, by a prefix with a trailing `*`, or all. */
  async lookup(pattern?: string): Promise<Found[]> {
    const { frames } = await this.#request((sequence) => messages.lookup(sequence, pattern));
    return frames.map(({ attrs }) => ({
      path: attrs.objectPath ?? '',
      id: attrs.objectId ?? 0,
      signature: fieldsToJson(attrs.signature ?? []),
    }));
  }

  /** Calls a method; a missing object is status NOT_FOUND. */
  async call(path: string, method: string, args: JsonTable = {}, timeoutMs?: number): Promise<Reply> {
    const [object] = await this.lookup(path);
    if (object === undefined) return { status: statusCode('NOT_FOUND'), data: undefined };
    const request = this.#request((sequence) => messages.invoke(sequence, object.id, method, args), timeoutMs);
    const { status, frames } = await request;
    const last = frames.at(-1);
    return { status, data: last === undefined ? undefined : messages.dataOf(last) };
  }

  /** Publishes an object. Throws when its path is taken. */
  async publish(path: string, methods: Methods): Promise<Published> {
    const signature = Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, method.args]));
    // As libubus does: objects of one kind share the type that the first of them was given.
    const kind = JSON.stringify(signature);
    const objectType = this.#types.get(kind);
    const id = await this.#own(
      (sequence) => {
        const frame = messages.addObject(sequence, path, signature);
        return objectType === undefined ? frame : { ...frame, attrs: { objectPath: path, objectType } };
      },
      (frame) => void this.#serve(frame, methods),
      (frame) => this.#types.set(kind, frame.attrs.objectType ?? 0),
    );
    return {
      id,
      // procd and netifd ask for no answer to their notifications.
      notify: (method, data) => {
        const frame = messages.notify(this.#nextSequence(), id, method, data);
        this.#link.send({ ...frame, attrs: { ...frame.attrs, noReply: true } });
      },
      remove: async () => {
        this.#owned.delete(id);
        await this.#request((sequence) => messages.removeObject(sequence, id));
      },
    };
  }

  /** Events whose name matches. */
  async listen(pattern: string, heard: (event: string, data: JsonTable) => void): Promise<void> {
    const id = await this.#own(messages.addListener, (frame) => this.#hear(frame, heard));
    await this.#request((sequence) => messages.registerEvents(sequence, id, pattern));
  }

  /** Notifications of an object; the status of the subscription. */
  async subscribe(path: string, heard: (event: string, data: JsonTable) => void): Promise<number> {
    const [target] = await this.lookup(path);
    if (target === undefined) return statusCode('NOT_FOUND');
    const id = await this.#own(messages.addListener, (frame) => this.#hear(frame, heard));
    return (await this.#request((sequence) => messages.subscribe(sequence, id, target.id))).status;
  }

  /** Broadcasts an event. */
  async send(event: string, data: JsonTable): Promise<number> {
    return (await this.#request((sequence) => messages.sendEvent(sequence, event, data))).status;
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence % 0xffff) + 1;
    return this.#sequence;
  }

  #request(build: (sequence: number) => Frame, timeoutMs?: number, onData?: Receive): Promise<RawReply> {
    return new Promise((resolve) => {
      const sequence = this.#nextSequence();
      const frames: Frame[] = [];
      const settle = (reply: RawReply): void => {
        clearTimeout(timer);
        this.#waiting.delete(sequence);
        resolve(reply);
      };
      const late = (): void => settle({ status: statusCode('TIMEOUT'), frames });
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
      this.#waiting.set(sequence, { frames, onData, settle });
      this.#link.send(build(sequence));
    });
  }

  async #own(build: (sequence: number) => Frame, receive: Receive, onAdded?: Receive): Promise<number> {
    // At the DATA frame and not after the promise: the first call can be in the same chunk.
    const own = (frame: Frame): void => {
      this.#owned.set(frame.attrs.objectId ?? 0, receive);
      onAdded?.(frame);
    };
    const { status, frames } = await this.#request(build, undefined, own);
    const id = frames[0]?.attrs.objectId;
    if (status !== 0 || id === undefined) throw new Error(`ubus object: wanted an id, got status ${status}`);
    return id;
  }

  #receive(frame: Frame): void {
    if (frame.type === 'INVOKE') {
      const { objectId } = frame.attrs;
      const receive = this.#owned.get(objectId ?? 0);
      if (receive === undefined) this.#link.send(messages.replyStatus(frame, 'NOT_FOUND', objectId));
      else receive(frame);
    } else if (frame.type === 'DATA') {
      const waiting = this.#waiting.get(frame.sequence);
      waiting?.frames.push(frame);
      waiting?.onData?.(frame);
    } else if (frame.type === 'STATUS') {
      const waiting = this.#waiting.get(frame.sequence);
      waiting?.settle({ status: frame.attrs.status ?? statusCode('UNKNOWN_ERROR'), frames: waiting.frames });
    }
  }

  async #serve(frame: Frame, methods: Methods): Promise<void> {
    const objectId = frame.attrs.objectId ?? 0;
    const method = methods[frame.attrs.method ?? ''];
    let result: Result = 'METHOD_NOT_FOUND';
    try {
      if (method !== undefined) {
        result = await method.run(declaredArgs(frame.attrs.data ?? [], method.args), frame.peer);
      }
    } catch (error) {
      console.log(`ubus: ${frame.attrs.method ?? ''}: ${String(error)}`);
      result = 'UNKNOWN_ERROR';
    }
    if (result !== undefined && !isStatusName(result)) this.#link.send(messages.replyData(frame, objectId, result));
    this.#link.send(messages.replyStatus(frame, isStatusName(result) ? result : 'OK', objectId));
  }

  #hear(frame: Frame, heard: (event: string, data: JsonTable) => void): void {
    if (frame.attrs.noReply !== true) this.#link.send(messages.replyStatus(frame, 'OK', frame.attrs.objectId));
    heard(frame.attrs.method ?? '', messages.dataOf(frame));
  }
}
