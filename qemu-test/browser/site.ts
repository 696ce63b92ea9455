// The page of a router as a browser in its LAN has it. In: a router of a mesh. Out: the files of luci-app on it, and an
// address on this machine whose every request a program on the router's LAN host hands to the router's own port 80.
// Around the views is a stand-in for LuCI (../standin/luci), or LuCI itself where LUCI_ROOT names the root of an installed
// one: its files are then served here, the page that its view.ut makes, and what of rpcd the router lacks (rpcd.ts).
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { build } from 'esbuild';
import { builtUnixS, version } from '../../bundle/build.ts';
import { pageContent } from '../../bundle/content.ts';
import { buildIpk } from '../../bundle/ipk.ts';
import type { Router } from '../topology/router.ts';
import { answeredWithRpcd } from './rpcd.ts';

const root = join(import.meta.dirname, '../..');
const app = join(root, 'luci-app');
const standin = join(root, 'qemu-test/standin/luci');
const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
/** LuCI's loader, and the stand-in's, evaluate the views; both set styles. Nothing may come from elsewhere. */
const contentPolicy = `default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:`;

export interface View {
  /** `rustynet/overview` */
  readonly path: string;
  readonly title: string;
}

/** The pages that the menu has. */
export function views(): View[] {
  const menu = JSON.parse(
    readFileSync(join(app, 'root/usr/share/luci/menu.d/luci-app-rustynet.json'), 'utf8'),
  ) as Record<string, { title: string; action: { type: string; path: string } }>;
  const entries = Object.values(menu).filter(({ action }) => action.type === 'view');
  return entries.map(({ title, action }) => ({ title, path: action.path }));
}

/** By the package `luci-app-rustynet`, with the page of the stand-in beside it. */
export async function installPage(router: Router): Promise<void> {
  const entry = join(standin, 'page.ts');
  const page = await build({ entryPoints: [entry], bundle: true, write: false, format: 'iife', target: 'es2022' });
  const files: [string, Uint8Array][] = [
    ['/tmp/page.ipk', buildIpk(await pageContent(), version, builtUnixS).bytes],
    ['/www/luci-static/menu.json', readFileSync(join(app, 'root/usr/share/luci/menu.d/luci-app-rustynet.json'))],
    ['/www/luci-static/standin.js', page.outputFiles[0]?.contents ?? new Uint8Array()],
    ['/www/luci-static/standin.css', readFileSync(join(standin, 'page.css'))],
    ['/www/index.html', readFileSync(join(standin, 'page.html'))],
  ];
  // One archive: each file by itself would be a process on a slow router.
  const script = files.map(
    ([path, data]) =>
      `mkdir -p '${join(path, '..')}'; printf %s '${Buffer.from(data).toString('base64')}' | base64 -d >'${path}'\n`,
  );
  await router.guest.run(`sh -se`, { input: `${script.join('')}opkg install /tmp/page.ipk\nrm /tmp/page.ipk\n` });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** HTTP/1.0: the end of the connection is the end of the answer. It stays open until then, as a browser's does. */
async function askRouter(router: Router, method: string, path: string, body: Buffer): Promise<Answer> {
  const address = `192.168.${router.index}.1`;
  const head = `${method} ${path} HTTP/1.0\r\nHost: ${address}\r\nContent-Length: ${body.length}\r\n\r\n`;
  // nc has the pipe open for writing too, and so never sees the end of it.
  const command = `f=/tmp/ask.$$; mkfifo $f; ip netns exec host nc ${address} 80 <>$f & cat >$f; wait; rm $f`;
  const answer = await router.guest.run(command, { input: Buffer.concat([Buffer.from(head), body]) });
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) throw new Error(`${method} ${path}: wanted an answer of HTTP, got ${JSON.stringify(answer)}`);
  const [first = '', ...lines] = answer.slice(0, end).split('\r\n');
  const headers = lines.map((line) => line.split(/: */, 2) as [string, string]);
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? 'text/plain';
  return { status: Number(first.split(' ')[1]), headers: { 'content-type': type }, body: answer.slice(end + 4) };
}

/** The page that LuCI's header.ut and view.ut make of a session and a view. */
function realPage(query: URLSearchParams): string {
  const view = query.get('view') ?? '';
  const readonly = query.get('readonly') === '1';
  const menu = ['admin', ...(view.startsWith('rustynet/') ? ['vpn'] : []), ...view.split('/')];
  const environment = {
    ...{ media: '/luci-static/bootstrap', resource: '/luci-static/resources', scriptname: '/cgi-bin/luci' },
    ...{
      pathinfo: `/${menu.join('/')}`,
      documentroot: '/www',
      requestpath: menu,
      dispatchpath: menu,
    },
    ...{ pollinterval: 5, ubuspath: '/ubus/', sessionid: query.get('sid'), nodespec: { satisfied: true, readonly } },
    ...{ apply_rollback: 90, apply_holdoff: 4, apply_timeout: 5, apply_display: 1.5 },
  };
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>LuCI</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/luci-static/bootstrap/cascade.css">
<link rel="stylesheet" media="only screen and (max-device-width: 854px)" href="/luci-static/bootstrap/mobile.css"><script src="/luci-static/resources/cbi.js"></script></head>
<body><header><a class="brand" href="/">LuCI</a><ul class="nav" id="topmenu"></ul><div id="indicators"></div></header>
<main id="maincontent" class="container"><div id="view"></div></main><script src="/luci-static/resources/luci.js"></script>
<script src="/boot.js?${encodeURIComponent(JSON.stringify({ environment, view }))}"></script></body></html>`;
}

function bootScript(query: string): string {
  const { environment, view } = JSON.parse(decodeURIComponent(query)) as { environment: object; view: string };
  return `const dark = matchMedia('(prefers-color-scheme: dark)');
const setTheme = () => document.documentElement.setAttribute('data-darkmode', String(dark.matches));
dark.addEventListener('change', setTheme);
setTheme();
L = new LuCI(${JSON.stringify(environment)});
// LuCI's page of the status has this beside the view, for parts that are not ours (admin_status/index.ut).
renderBadge = (icon, title, ...facts) => L.itemlist(E('span', { class: 'ifacebadge' }), facts);
L.require('ui').then(ui => ui.instantiateView(${JSON.stringify(view)}));`;
}

/** What LuCI itself has of a path; `undefined` leaves it to the router. */
function ofLuci(luciRoot: string, url: URL): Answer | undefined {
  if (url.pathname === '/')
    return { status: 200, headers: { 'content-type': 'text/html' }, body: realPage(url.searchParams) };
  if (url.pathname === '/boot.js') {
    return { status: 200, headers: { 'content-type': 'text/javascript' }, body: bootScript(url.search.slice(1)) };
  }
  const file = join(luciRoot, 'www', normalize(url.pathname));
  if (!existsSync(file) || !statSync(file).isFile()) return undefined;
  const type = types[extname(file)] ?? 'application/octet-stream';
  return { status: 200, headers: { 'content-type': type }, body: readFileSync(file, 'utf8') };
}

/** As a browser keeps files: what was read once is not asked for again of a slow router. */
function withFilesKept(router: Router): (method: string, path: string, body: Buffer) => Promise<Answer> {
  const files = new Map<string, Answer>();
  return async (method, path, body) => {
    const kept = method === 'GET' ? files.get(path) : undefined;
    const answer = kept ?? (await askRouter(router, method, path, body));
    if (method === 'GET' && answer.status === 200) files.set(path, answer);
    return answer;
  };
}

/** What the site answers itself, or hands to the router. */
function answers(
  router: Router,
  luciRoot: string | undefined,
): (request: IncomingMessage, url: URL) => Promise<Answer> {
  const ask = withFilesKept(router);
  return async (request, url) => {
    const method = request.method ?? 'GET';
    const own = luciRoot === undefined || method !== 'GET' ? undefined : ofLuci(luciRoot, url);
    if (own !== undefined) return own;
    const given = await bodyOf(request);
    if (luciRoot === undefined || method !== 'POST') return ask(method, url.pathname, given);
    const askUbus = async (text: string): Promise<string> => (await ask(method, '/ubus/', Buffer.from(text))).body;
    const body = await answeredWithRpcd(router, luciRoot, given.toString(), askUbus);
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  };
}

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** `luciRoot` is the root of an installed LuCI, if one is given. */
export async function openSite(router: Router, luciRoot: string | undefined): Promise<Site> {
  const answer = answers(router, luciRoot);
  const server: Server = createServer((request, response) => {
    answer(request, new URL(request.url ?? '/', 'http://router'))
      .then(({ status, headers, body }) =>
        response.writeHead(status, { ...headers, 'content-security-policy': contentPolicy }).end(body),
      )
      .catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
