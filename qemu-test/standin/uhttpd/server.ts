/**
 * A stand-in for uhttpd with mod-ubus. In: HTTP. Out: JSON-RPC at /ubus, and the files below one folder, which nothing
 * leads out of. Left out: CGI (and with it LuCI's dispatcher), TLS, ranges, listings.
 */
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { answerBody, type Bus } from './jsonrpc.ts';

/** UH_UBUS_MAX_POST_SIZE of uhttpd's ubus.c. */
const maxPostBytes = 64 * 1024;
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'application/javascript',
  '.json': 'application/json',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxPostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function end(response: ServerResponse, status: number, type = 'text/plain', body = ''): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

async function ubus(bus: Bus, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return end(response, 400);
  const body = await bodyOf(request);
  if (body === undefined) return end(response, 413);
  end(response, 200, 'application/json', JSON.stringify(await answerBody(bus, body)));
}

function file(folder: string, path: string, response: ServerResponse): void {
  const wanted = join(folder, normalize(`/${path}`), path.endsWith('/') ? 'index.html' : '');
  if (!statSync(wanted, { throwIfNoEntry: false })?.isFile()) return end(response, 404);
  response.writeHead(200, { 'content-type': types[extname(wanted)] ?? 'application/octet-stream' });
  createReadStream(wanted).pipe(response);
}

export function serveHttp(bus: Bus, folder: string, port: number): Server {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://router').pathname);
    if (!/^\/ubus(\/|$)/.test(path)) return file(folder, path, response);
    ubus(bus, request, response).catch((error: unknown) => {
      console.log(`uhttpd: ${String(error)}`);
      end(response, 500);
    });
  });
  return server.listen(port);
}
