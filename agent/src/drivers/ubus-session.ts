/**
 * One connection to ubusd, from HELLO until it breaks.
 * In: requests, and the objects that this side owns. Out: replies; invocations and unsubscriptions, handed to the
 * object they are for. Specified in ubusmsg.h and libubus-io.c; file descriptors beside a message are not taken.
 */
import { createConnection, type Socket } from 'node:net';
import { Fault } from '../control/ports.ts';
import { WireError } from '../wire/error.ts';
import { lookup, replyStatus } from '../wire/ubus-messages.ts';
import { frameStream } from '../wire/ubus-stream.ts';
import {
  decodeFrame,
  decodeHeader,
  encodeFrame,
  type Frame,
  type FrameHeader,
  statusCode,
  statusNames,
} from '../wire/ubus.ts';

/** The DATA of a reply and the status that ended it. */
export interface Reply {
  readonly status: number;
  /** Who answered: the object, or, without an id, ubusd itself because there is no such object. */
  readonly objectId: number | undefined;
  readonly data: readonly Frame[];
}

type Build = (sequence: number) => Frame;
type Receive = (frame: Frame) => void;

export interface SessionEvents {
  /** HELLO came: requests may go. */
  readonly onReady: (session: UbusSession) => void;
  /** Called once, after every waiting request was rejected. */
  readonly onClose: (fault: Fault) => void;
  /** Something was lost that nobody waits for. */
  readonly onFault: (fault: Fault) => void;
}

interface Pending {
  readonly peer: number;
  readonly subject: string;
  readonly data: Frame[];
  readonly onData: Receive | undefined;
  readonly settle: (outcome: Reply | Fault) => void;
}

/** How long ubusd may take for its HELLO. */
const helloMs = 5_000;

/** DATA frames of one reply, each up to 1 MiB: a provider that never ends its reply must not fill the memory. */
const maxDataFrames = 16;

/** The fault of a status other than OK: `UBUS_` and its name in ubusmsg.h. */
export function statusFault(status: number, subject: string): Fault {
  const name = statusNames[status] ?? 'UNKNOWN_ERROR';
  return new Fault(`UBUS_${name}`, subject, `${subject}: wanted status 0 OK, got ${status} ${name}`);
}

/** The fault of a wait that took too long; `wanted` is what did not come. */
export function timeoutFault(subject: string, wanted: string, timeoutMs: number, cause?: Fault): Fault {
  const got = cause === undefined ? 'none' : `none: ${cause.message}`;
  return new Fault('UBUS_TIMEOUT', subject, `${subject}: wanted ${wanted} within ${timeoutMs} ms, got ${got}`, cause);
}

function parseFault(subject: string, error: WireError): Fault {
  return new Fault('UBUS_PARSE_ERROR', subject, `${subject}: ${error.message}`, error);
}

/** What `make` gives, with a `WireError` turned into the fault of its subject. Other errors pass. */
function faulting<Value>(make: () => Value, fault: (error: WireError) => Fault): Value {
  try {
    return make();
  } catch (error) {
    throw error instanceof WireError ? fault(error) : error;
  }
}

function encodeRequest(subject: string, build: () => Frame): { readonly peer: number; readonly bytes: Uint8Array } {
  const encode = (): { peer: number; bytes: Uint8Array } => {
    const frame = build();
    return { peer: frame.peer, bytes: encodeFrame(frame) };
  };
  return faulting(
    encode,
    (error) => new Fault('UBUS_INVALID_ARGUMENT', subject, `${subject}: ${error.message}`, error),
  );
}

/** One connection; every promise of it rejects with Fault `UBUS_CONNECTION_FAILED` when it breaks. */
export class UbusSession {
  readonly #path: string;
  readonly #events: SessionEvents;
  readonly #socket: Socket;
  readonly #stream = frameStream();
  readonly #pending = new Map<number, Pending>();
  readonly #owned = new Map<number, Receive>();
  readonly #known = new Map<string, number>();
  readonly #helloTimer: NodeJS.Timeout;
  #sequence = 0;
  #ready = false;
  #ended: Fault | undefined;

  /** Connects to the socket at `path`. */
  constructor(path: string, events: SessionEvents) {
    this.#path = path;
    this.#events = events;
    this.#socket = createConnection(path);
    this.#helloTimer = setTimeout(() => this.#end(`wanted HELLO within ${helloMs} ms, got none`), helloMs);
    this.#socket.on('data', (chunk) => this.#receiveChunk(chunk));
    this.#socket.on('error', (error) => this.#end(error.message, error));
    this.#socket.on('close', () => this.#end('ubusd closed the connection'));
  }

  /** Rejects with `UBUS_TIMEOUT`, and with `UBUS_INVALID_ARGUMENT` when the frame has no bytes. */
  request(subject: string, build: Build, timeoutMs: number, onData?: Receive): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      const sequence = this.#nextSequence();
      const { peer, bytes } = encodeRequest(subject, () => build(sequence));
      const settle = (outcome: Reply | Fault): void => {
        clearTimeout(timer);
        this.#pending.delete(sequence);
        if (outcome instanceof Fault) reject(outcome);
        else resolve(outcome);
      };
      const timer = setTimeout(() => settle(timeoutFault(subject, 'a status', timeoutMs)), timeoutMs);
      this.#pending.set(sequence, { peer, subject, data: [], onData, settle });
      this.#socket.write(bytes);
    });
  }

  /** The id of a path; `undefined` if nobody has it. `fresh` asks ubusd again. */
  async find(objectPath: string, timeoutMs: number, fresh = false): Promise<number | undefined> {
    const id = fresh ? undefined : this.#known.get(objectPath);
    if (id !== undefined) return id;
    this.#known.delete(objectPath);
    const reply = await this.request(objectPath, (sequence) => lookup(sequence, objectPath), timeoutMs);
    if (reply.status === statusCode('NOT_FOUND')) return undefined;
    if (reply.status !== 0) throw statusFault(reply.status, objectPath);
    const found = reply.data.find((frame) => frame.attrs.objectPath === objectPath)?.attrs.objectId;
    if (found !== undefined) this.#known.set(objectPath, found);
    return found;
  }

  /** Adds an object; whatever is sent to it is received, from the first frame on. */
  async own(subject: string, build: Build, timeoutMs: number, receive: Receive): Promise<number> {
    let id: number | undefined;
    // At the DATA frame and not after the promise: the first call can be in the same chunk.
    const reply = await this.request(subject, build, timeoutMs, ({ attrs }) => {
      id = attrs.objectId;
      if (id !== undefined) this.#owned.set(id, receive);
    });
    if (reply.status !== 0) throw statusFault(reply.status, subject);
    if (id === undefined) throw new Fault('UBUS_PARSE_ERROR', subject, `${subject}: wanted an object id, got none`);
    return id;
  }

  /** Sends what has no reply. Throws `WireError` when the frame has no bytes; after the end it sends nothing. */
  send(frame: Frame): void {
    const bytes = encodeFrame(frame);
    if (this.#ended === undefined) this.#socket.write(bytes);
  }

  /** Forgets an object that is gone and fails the calls that wait for it: ubusd answers them for nobody. */
  abandon(objectId: number): void {
    for (const [path, id] of [...this.#known]) if (id === objectId) this.#known.delete(path);
    for (const { peer, subject, settle } of [...this.#pending.values()]) {
      if (peer === objectId) settle(this.#broken(subject, 'wanted a status, got the end of its object'));
    }
  }

  /** Ends the connection; `reason` is what the waiting requests are told. */
  close(reason = 'closed by this side'): void {
    this.#end(reason);
  }

  #broken(subject: string, message: string, cause?: unknown): Fault {
    return new Fault('UBUS_CONNECTION_FAILED', subject, `${subject}: ${message}`, cause);
  }

  #end(message: string, cause?: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = this.#broken(this.#path, message, cause);
    clearTimeout(this.#helloTimer);
    this.#socket.destroy();
    for (const { subject, settle } of [...this.#pending.values()]) settle(this.#broken(subject, message, cause));
    this.#events.onClose(this.#ended);
  }

  #nextSequence(): number {
    if (this.#pending.size >= 0xffff) throw this.#broken(this.#path, 'wanted fewer than 65535 waiting requests');
    do this.#sequence = (this.#sequence % 0xffff) + 1;
    while (this.#pending.has(this.#sequence));
    return this.#sequence;
  }

  #receiveChunk(chunk: Uint8Array): void {
    let frames: Uint8Array[];
    try {
      frames = this.#stream.push(chunk);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#end(`what ubusd sent is no frame: ${error.message}`, error);
      return;
    }
    for (const bytes of frames) {
      if (this.#ended !== undefined) return;
      try {
        this.#receiveFrame(bytes);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.#events.onFault(parseFault(this.#path, error));
      }
    }
  }

  #receiveFrame(bytes: Uint8Array): void {
    const header = decodeHeader(bytes);
    if (header.type === 'STATUS' || header.type === 'DATA') {
      const waiting = this.#pending.get(header.sequence);
      // A peer that answers another's sequence, or an answer after its time, finds nobody here.
      if (waiting?.peer === header.peer) receiveReply(waiting, bytes);
    } else if (header.type === 'HELLO') {
      this.#receiveHello();
    } else if (header.type === 'INVOKE' || header.type === 'UNSUBSCRIBE') {
      this.#receiveForObject(header, decodeFrame(bytes));
    }
  }

  #receiveHello(): void {
    if (this.#ready) return;
    this.#ready = true;
    clearTimeout(this.#helloTimer);
    this.#events.onReady(this);
  }

  #receiveForObject(header: FrameHeader, frame: Frame): void {
    const { objectId } = frame.attrs;
    const receive = objectId === undefined ? undefined : this.#owned.get(objectId);
    if (receive !== undefined) receive(frame);
    else if (header.type === 'INVOKE') this.send(replyStatus(header, 'NOT_FOUND', objectId));
  }
}

function receiveReply(waiting: Pending, bytes: Uint8Array): void {
  const { subject, data, settle } = waiting;
  let frame: Frame;
  try {
    frame = faulting(
      () => decodeFrame(bytes),
      (error) => parseFault(subject, error),
    );
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    settle(error);
    return;
  }
  const { status, objectId } = frame.attrs;
  if (frame.type === 'STATUS') {
    const missing = new Fault('UBUS_PARSE_ERROR', subject, `${subject}: wanted a status, got a STATUS without one`);
    settle(status === undefined ? missing : { status, objectId, data });
  } else if (data.length < maxDataFrames) {
    data.push(frame);
    waiting.onData?.(frame);
  } else {
    const message = `${subject}: wanted at most ${maxDataFrames} DATA frames, got more`;
    settle(new Fault('UBUS_PARSE_ERROR', subject, message));
  }
}
