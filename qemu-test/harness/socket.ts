// In: a path. Out: a server that listens there when the call returns, so that a program started next can connect.
// Also TCP ports of this machine that are free. Specified in unix(7).
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** sun_path has 108 bytes, the last of them zero. A longer path would be cut short without a word. */
const MAX_PATH_BYTES = 107;

export function listenAt(path: string, onConnection: (socket: Socket) => void): Server {
  const length = Buffer.byteLength(path);
  if (length > MAX_PATH_BYTES) {
    throw new Error(`socket ${path}: wanted a path of at most ${MAX_PATH_BYTES} bytes, got ${length}`);
  }
  rmSync(path, { force: true });
  const server = createServer(onConnection);
  server.listen(path);
  return server;
}

/** Ends when the socket file is gone; open connections are the caller's. */
export async function closeServer(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

/** A TCP port of 127.0.0.1 that nobody listened at a moment ago, for a host forward or a broker. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await closeServer(server);
  return port;
}
