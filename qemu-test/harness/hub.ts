// In: Ethernet frames from the network cards of guests (QEMU's `-netdev stream` over a unix socket: a 4-byte big-endian
// length, then the frame). Out: each frame to every other port, and to the witnesses, who stand outside of all guests.
// A guest that was started again connects again, to the same port. Specified in qemu(1), and net/stream.c there.
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { closeServer, listenAt } from './socket.ts';

export type FrameListener = (port: string, frame: Buffer) => void;

export interface Hub {
  /** The socket that a guest's card connects to; the port is made when first asked for. */
  port(name: string): string;
  /** From now on the port carries nothing, in or out, as with a cable pulled out of the hub: the card sees its link up. */
  cut(name: string): void;
  restore(name: string): void;
  /** Calls the listener for each frame that a port carried in; the result removes it. */
  onFrame(listener: FrameListener): () => void;
  /** Sends a frame of the test's own out of one port, or of all; witnesses do not see it. */
  inject(frame: Uint8Array, to?: string): void;
  close(): Promise<void>;
}

interface Port {
  readonly path: string;
  readonly server: Server;
  socket: Socket | undefined;
  isCut: boolean;
}

const HEADER_BYTES = 4;
/** QEMU's own limit for one packet (NET_BUFSIZE). */
const MAX_FRAME_BYTES = 4096 + 65536;
/** A guest that stopped reading loses frames, as at any full switch, and does not fill the memory of the test. */
const MAX_QUEUED_BYTES = 4 << 20;

/** Takes whole frames off the front of what arrived; gives what is left. */
export function takeFrames(received: Buffer, onFrame: (frame: Buffer) => void): Buffer {
  let rest = received;
  while (rest.length >= HEADER_BYTES) {
    const length = rest.readUInt32BE(0);
    if (length === 0 || length > MAX_FRAME_BYTES) {
      throw new Error(`hub: wanted a frame of 1 to ${MAX_FRAME_BYTES} bytes, got ${length}`);
    }
    if (rest.length < HEADER_BYTES + length) break;
    onFrame(rest.subarray(HEADER_BYTES, HEADER_BYTES + length));
    rest = rest.subarray(HEADER_BYTES + length);
  }
  return rest;
}

function send(port: Port, frame: Uint8Array): void {
  if (port.isCut || port.socket === undefined || port.socket.writableLength > MAX_QUEUED_BYTES) return;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(frame.length);
  port.socket.write(Buffer.concat([header, frame]));
}

/** Makes a hub whose sockets are in `folder`. */
export function createHub(folder: string): Hub {
  const ports = new Map<string, Port>();
  const listeners = new Set<FrameListener>();

  const carry = (name: string, from: Port, frame: Buffer): void => {
    if (from.isCut) return;
    for (const listener of listeners) listener(name, frame);
    for (const port of ports.values()) if (port !== from) send(port, frame);
  };
  const connect = (name: string, port: Port, socket: Socket): void => {
    port.socket?.destroy();
    port.socket = socket;
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = takeFrames(Buffer.concat([rest, chunk]), (frame) => {
        carry(name, port, frame);
      });
    });
    // A guest that is killed resets its connection: the end of a cable, not a fault.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (port.socket === socket) port.socket = undefined;
    });
  };
  const get = (name: string): Port => {
    const port = ports.get(name);
    if (port === undefined) throw new Error(`hub: wanted one of the ports ${[...ports.keys()].join(' ')}, got ${name}`);
    return port;
  };

  return {
    port(name) {
      const known = ports.get(name);
      if (known !== undefined) return known.path;
      const path = join(folder, `${name}.port`);
      const server = listenAt(path, (socket) => {
        connect(name, port, socket);
      });
      const port: Port = { path, server, socket: undefined, isCut: false };
      ports.set(name, port);
      return path;
    },
    cut(name) {
      get(name).isCut = true;
    },
    restore(name) {
      get(name).isCut = false;
    },
    onFrame(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    inject(frame, to) {
      for (const port of to === undefined ? ports.values() : [get(to)]) send(port, frame);
    },
    async close() {
      for (const port of ports.values()) port.socket?.destroy();
      await Promise.all([...ports.values()].map((port) => closeServer(port.server)));
      ports.clear();
    },
  };
}
