// In: the path of a socket that a guest's QEMU joins to its monitor. Out: commands to that QEMU, and what they return.
// Specified in QEMU's interop/qmp-spec and the QMP reference manual: a JSON text a line, a greeting first.
import type { Server, Socket } from 'node:net';
import { closeServer, listenAt } from './socket.ts';

interface Message {
  readonly QMP?: unknown;
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

interface Pending {
  readonly command: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Listens for the monitor of one guest, across its restarts. */
export class Monitor {
  readonly #server: Server;
  #socket: Socket | undefined;
  #pending = new Map<number, Pending>();
  #count = 0;
  #setUp: () => void = () => undefined;
  #up: Promise<void> = this.#next();

  constructor(path: string) {
    this.#server = listenAt(path, (socket) => {
      this.#connect(socket);
    });
  }

  /** Waits for QEMU's greeting if it has not come yet. */
  async execute(command: string, commandArguments: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    await this.#up;
    return this.#send(command, commandArguments);
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    await closeServer(this.#server);
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#setUp = resolve;
    });
  }

  #send(command: string, commandArguments: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { command, resolve, reject });
      this.#socket?.write(`${JSON.stringify({ execute: command, arguments: commandArguments, id })}\n`);
    });
  }

  #connect(socket: Socket): void {
    this.#socket = socket;
    let rest = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#understand(JSON.parse(line) as Message);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { command, reject } of this.#pending.values()) {
        reject(new Error(`QEMU's monitor: ${command}: wanted a reply, got the end of QEMU`));
      }
      this.#pending.clear();
      this.#up = this.#next();
    });
  }

  #understand({ QMP, id, return: result, error }: Message): void {
    if (QMP !== undefined) void this.#send('qmp_capabilities', {}).then(this.#setUp);
    if (id === undefined) return;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(result);
    else pending?.reject(new Error(`QEMU's monitor: ${pending.command}: ${error.class}: ${error.desc}`));
  }
}
