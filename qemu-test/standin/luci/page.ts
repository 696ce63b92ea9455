/**
 * The page of the stand-in for LuCI. In: a log-in, the menu of menu.d, the address after `#`. Out: the view of that
 * address. Where LuCI itself is given, nothing of this is used.
 */
import { content, E } from './elements.ts';
import type { Loader } from './loader.ts';
import { makeLuci } from './luci.ts';
import type { Poll } from './rpc.ts';
import { translate } from './text.ts';

interface Entry {
  readonly title: string;
  readonly order?: number;
  readonly action: { readonly type: string; readonly path?: string };
}
interface View {
  show(place: Node): Promise<void>;
}
interface Include {
  readonly title: string;
  load(): Promise<unknown>;
  render(loaded: unknown): Node;
}
type Acls = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const everybody = '0'.repeat(32);
let session = everybody;
let mayWrite = false;
/** Of the view that is shown: what the one before asked for again and again is nobody's any more. */
let timers: number[] = [];

async function text(path: string): Promise<string> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: HTTP error ${response.status}`);
  return response.text();
}

async function post(body: unknown): Promise<never> {
  const response = await fetch('/ubus/', { method: 'POST', body: JSON.stringify(body) });
  return (await response.json()) as never;
}

function start(): Loader {
  return makeLuci({
    read: (path) => text(`/luci-static/resources/${path}`),
    post,
    session: () => session,
    mayWrite: () => mayWrite,
    // At once, too, as LuCI does for the first of its polls.
    every: (run, seconds) => {
      timers.push(setInterval(run, seconds * 1000));
      run();
    },
  });
}

/** A part of LuCI's overview of the status, here by itself: asked for and made anew at each poll. */
async function showInclude(loader: Loader, part: Include, place: Node): Promise<void> {
  const body = E('div', {}, []);
  const again = async (): Promise<void> => content(body, part.render(await part.load()));
  ((await loader.require('poll')) as Poll).add(again);
  await again();
  content(place, [E('h3', {}, [part.title]), body]);
}

/** A view anew for each address: what polls belongs to it. */
async function show(address: string): Promise<void> {
  const place = document.getElementById('view') as HTMLElement;
  content(place, [E('p', { class: 'spinning' }, ['…'])]);
  for (const timer of timers) clearInterval(timer);
  timers = [];
  try {
    const loader = start();
    const made = await loader.require(`view.${address.replaceAll('/', '.')}`);
    if (address.startsWith('status/include/')) await showInclude(loader, made as Include, place);
    else await (made as View).show(place);
  } catch (error) {
    content(place, [E('p', { class: 'alert-message danger', role: 'alert' }, [String(error)])]);
  }
  document.body.setAttribute('data-shown', address);
}

async function menu(): Promise<void> {
  const entries = JSON.parse(await text('/luci-static/menu.json')) as Record<string, Entry>;
  const views = Object.values(entries).filter(({ action }) => action.type === 'view');
  views.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const links = views.map(({ title, action }) => E('li', {}, [E('a', { href: `#${action.path ?? ''}` }, [title])]));
  content(document.getElementById('tabmenu') as Node, [E('ul', { class: 'tabs' }, links)]);
}

async function login(form: HTMLFormElement): Promise<void> {
  const [username, password] = ['username', 'password'].map((name) => new FormData(form).get(name));
  const params = [everybody, 'session', 'login', { username, password }];
  const { result } = await (post({ jsonrpc: '2.0', id: 0, method: 'call', params }) as Promise<{
    result?: [number, never];
  }>);
  const answer = result?.[1] as { ubus_rpc_session: string; acls: Acls } | undefined;
  if (answer === undefined) {
    content(document.getElementById('refused') as Node, ['Log-in refused']);
    return;
  }
  session = answer.ubus_rpc_session;
  mayWrite = answer.acls['access-group']?.['luci-app-rustynet']?.includes('write') ?? false;
  form.remove();
  await menu();
  window.addEventListener('hashchange', () => void show(location.hash.slice(1)));
  await show(location.hash.slice(1) || 'rustynet/overview');
}

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const setTheme = (): void => document.documentElement.setAttribute('data-darkmode', String(dark.matches));
dark.addEventListener('change', setTheme);
setTheme();
const lang = new URLSearchParams(location.search).get('lang');
const translated =
  lang === null
    ? Promise.resolve()
    : text(`/luci-static/${lang}.json`).then((json) => translate(JSON.parse(json) as never));
const form = document.getElementById('login') as HTMLFormElement;
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void translated.then(() => login(form));
});
document.body.setAttribute('data-ready', '');
