// In: a socket that QEMU joins to a virtio serial port of a guest. Out: commands run there, one at a time a lane.
// Lanes are all the lanes of a guest: a command takes the one that is free first.
// The bytes on a lane are specified in image/agent, which is at the other end.
import type { Server, Socket } from 'node:net';
import { closeServer, listenAt } from './socket.ts';

export interface Reply {
  /** The exit status, or 'timeout' when the guest killed the command. */
  readonly status: number | 'timeout';
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

interface Pending {
  readonly id: string;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** How much later than asked a busy guest may say that it killed a command. */
const GRACE_MS = 30_000;

class Lane {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #received = 0;
  #header: { id: string; status: string; outBytes: number; errBytes: number } | undefined;
  #pending: Pending | undefined;
  #count = 0;
  #broken: Error | undefined;
  /** What /lab/boot ended with, when the guest is up. */
  readonly ready: Promise<string>;
  #setReady: (bootStatus: string) => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#received += chunk.length;
      this.#read();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#fail(new Error('wanted a reply, got the end of the guest'));
    });
  }

  /** Runs a shell script with an input; only one at a time. */
  run(script: string, input: Uint8Array, timeoutMs: number): Promise<Reply> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#pending !== undefined) return Promise.reject(new Error('lane: wanted one command at a time, got two'));
    const id = String(++this.#count);
    const command = Buffer.from(script);
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    this.#socket.write(`${id} ${seconds} ${command.length} ${input.length}\n`);
    this.#socket.write(command);
    if (input.length > 0) this.#socket.write(input);
    return new Promise((resolve, reject) => {
      const limitMs = seconds * 1000 + GRACE_MS;
      const timer = setTimeout(() => {
        this.#fail(new Error(`wanted a reply within ${limitMs} ms, got none: the guest hangs`));
      }, limitMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#pending = undefined;
      };
      this.#pending = {
        id,
        resolve: (reply) => (settle(), resolve(reply)),
        reject: (error) => (settle(), reject(error)),
      };
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** A lane that lost its place in the stream stays unusable until the guest starts again. */
  #fail(error: Error): void {
    this.#broken ??= error;
    this.#pending?.reject(error);
  }

  #read(): void {
    for (;;) {
      const header = this.#header;
      if (header !== undefined) {
        if (this.#received < header.outBytes + header.errBytes) return;
        const stdout = this.#take(header.outBytes);
        const stderr = this.#take(header.errBytes);
        this.#header = undefined;
        const status = header.status === 'timeout' ? 'timeout' : Number(header.status);
        this.#pending?.resolve({ status, stdout, stderr });
        continue;
      }
      const line = this.#takeLine();
      if (line === undefined) return;
      this.#understand(line);
    }
  }

  #understand(line: string): void {
    const [, bootStatus] = /^READY (\S+)$/.exec(line) ?? [];
    if (bootStatus !== undefined) {
      this.#setReady(bootStatus);
      this.#pending?.reject(new Error('wanted a reply, got a new agent: the command ended the one that ran it'));
      return;
    }
    const [, id, status, outBytes, errBytes] = /^(\d+) (\d+|timeout) (\d+) (\d+)$/.exec(line) ?? [];
    if (id === undefined || status === undefined || id !== this.#pending?.id) {
      this.#fail(new Error(`wanted a reply to ${this.#pending?.id ?? 'nothing'}, got ${JSON.stringify(line)}`));
      return;
    }
    this.#header = { id, status, outBytes: Number(outBytes), errBytes: Number(errBytes) };
  }

  #takeLine(): string | undefined {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    const end = all.indexOf('\n');
    return end < 0 ? undefined : this.#take(end + 1).toString('latin1', 0, end);
  }

  #take(bytes: number): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(bytes)];
    this.#received -= bytes;
    return all.subarray(0, bytes);
  }
}

/** Listens for the lanes of one guest, across its restarts. */
export class Lanes {
  readonly #servers: Server[];
  #lanes = new Set<Lane>();
  #free: Lane[] = [];
  #waiting: ((lane: Lane) => void)[] = [];
  #statuses: string[] = [];
  #setUp: (bootStatus: string) => void = () => undefined;
  #goesOn = false;

  constructor(paths: readonly string[]) {
    this.#servers = paths.map((path) =>
      listenAt(path, (socket) => {
        this.#connect(new Lane(socket));
      }),
    );
  }

  /**
   * Forgets the lanes of the machine before; resolves with the boot status when all new ones are ready. In a guest that
   * goes on from saved memory the agents are up and say nothing: a lane is ready once it is connected.
   */
  expect(goesOn = false): Promise<string> {
    this.#goesOn = goesOn;
    for (const lane of this.#lanes) lane.close();
    this.#lanes = new Set();
    this.#free = [];
    this.#statuses = [];
    return new Promise((resolve) => {
      this.#setUp = resolve;
    });
  }

  async run(script: string, input: Uint8Array, timeoutMs: number): Promise<Reply> {
    const lane = this.#free.pop() ?? (await new Promise<Lane>((resolve) => this.#waiting.push(resolve)));
    try {
      return await lane.run(script, input, timeoutMs);
    } finally {
      if (this.#lanes.has(lane)) this.#release(lane);
    }
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes) lane.close();
    await Promise.all(this.#servers.map(closeServer));
  }

  #connect(lane: Lane): void {
    this.#lanes.add(lane);
    void (this.#goesOn ? Promise.resolve('0') : lane.ready).then((bootStatus) => {
      if (!this.#lanes.has(lane)) return;
      this.#statuses.push(bootStatus);
      this.#release(lane);
      if (this.#statuses.length === this.#servers.length) this.#setUp(bootStatus);
    });
  }

  #release(lane: Lane): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(lane);
    else next(lane);
  }
}
