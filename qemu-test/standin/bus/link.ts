/**
 * How clients reach the stand-in of ubusd: over its unix socket, or inside the process.
 * In: an `Ubusd`, a socket path. Out: `Link`s for clients, and a listening socket for everyone else.
 * Specified in ubusmsg.h; a client that sends what is no frame is disconnected, as ubusd does.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { frameStream } from '../../../agent/src/wire/ubus-stream.ts';
import { WireError } from '../../../agent/src/wire/error.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../../agent/src/wire/ubus.ts';
import type { Ubusd } from './ubusd.ts';

/** A client's side of a connection. `open` is called once and starts it. */
export interface Link {
  open(onFrame: (frame: Frame) => void, onClose: () => void): void;
  send(frame: Frame): void;
  close(): void;
}

function readFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  const stream = frameStream();
  socket.on('data', (chunk) => {
    try {
      for (const bytes of stream.push(chunk)) onFrame(decodeFrame(bytes));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      console.log(`ubus: a connection is closed: ${error.message}`);
      socket.destroy();
    }
  });
  // 'close' follows an error and is where it is handled.
  socket.on('error', () => undefined);
}

/** Listens on the socket, which everyone may connect to. */
export async function listen(ubusd: Ubusd, path: string): Promise<Server> {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    const attachment = ubusd.attach((frame) => {
      if (!socket.destroyed) socket.write(encodeFrame(frame));
    });
    readFrames(socket, (frame) => attachment.receive(frame));
    socket.on('close', () => attachment.close());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o666);
  return server;
}

/** A link over the socket, for whoever is another process in all but fact. */
export function socketLink(path: string): Link {
  const socket = createConnection(path);
  return {
    open(onFrame, onClose) {
      readFrames(socket, onFrame);
      socket.on('close', onClose);
    },
    send: (frame) => void (socket.destroyed || socket.write(encodeFrame(frame))),
    close: () => void socket.destroy(),
  };
}

/** A link without a socket; frames still arrive later, in order, and never inside the sender's own call. */
export function localLink(ubusd: Ubusd): Link {
  let attachment: ReturnType<Ubusd['attach']> | undefined;
  return {
    open(onFrame) {
      attachment = ubusd.attach((frame) => setImmediate(onFrame, frame));
    },
    send: (frame) => void setImmediate(() => attachment?.receive(frame)),
    close: () => attachment?.close(),
  };
}
