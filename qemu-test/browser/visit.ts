// A browser before a router's page. In: a site, a login. Out: pages that were shown, what is wrong with them, pictures.
// Chromium is Debian's (bundle/prepare.sh installs it); it may reach the site and nothing else.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { OUT } from '../image/build.ts';
import type { Site, View } from './site.ts';

const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const pictures = join(OUT, 'screenshots');

export function launch(): Promise<Browser> {
  const executablePath = paths.find(existsSync);
  if (executablePath === undefined)
    throw new Error(`browser: wanted one of ${paths.join(' ')}, got none (sh bundle/prepare.sh)`);
  mkdirSync(pictures, { recursive: true });
  const args = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  const quiet = ['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];
  return chromium.launch({ executablePath, args: [...args, ...quiet], chromiumSandbox: false });
}

export interface Login {
  readonly username: string;
  readonly mayWrite: boolean;
}

/** One person's browser window. */
export class Visit {
  readonly page: Page;
  readonly #site: Site;
  readonly #login: Login;
  readonly #luci: boolean;
  /** Errors of scripts and of the console, requests to elsewhere. */
  readonly wrong: string[] = [];
  #sid: string | undefined;

  private constructor(page: Page, site: Site, login: Login, isRealLuci: boolean) {
    this.page = page;
    this.#site = site;
    this.#login = login;
    this.#luci = isRealLuci;
    page.on('pageerror', (error) => this.wrong.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.wrong.push(message.text());
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(site.url) && !url.startsWith('data:') && !url.startsWith('blob:'))
        this.wrong.push(`request to ${url}`);
    });
  }

  static async begin(browser: Browser, site: Site, login: Login, isRealLuci: boolean): Promise<Visit> {
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 } });
    const visit = new Visit(await context.newPage(), site, login, isRealLuci);
    visit.page.setDefaultTimeout(60_000);
    if (isRealLuci) return visit;
    await visit.page.goto(site.url);
    await visit.page.fill('[name=username]', login.username);
    await visit.page.click('#login button');
    return visit;
  }

  async #session(): Promise<string> {
    if (this.#sid !== undefined) return this.#sid;
    const { username } = this.#login;
    const params = ['0'.repeat(32), 'session', 'login', { username, password: '' }];
    const [answer] = (await this.post(params)) as { result: [number, { ubus_rpc_session: string }] }[];
    this.#sid = answer?.result[1].ubus_rpc_session ?? '';
    return this.#sid;
  }

  async post(...calls: readonly (readonly unknown[])[]): Promise<unknown[]> {
    const body = JSON.stringify(calls.map((params, id) => ({ jsonrpc: '2.0', id, method: 'call', params })));
    return (await (await fetch(`${this.#site.url}/ubus/`, { method: 'POST', body })).json()) as unknown[];
  }

  /** Calls with this login's own session: what it may do does not depend on which buttons a page shows. */
  async call(...calls: readonly (readonly [string, string, object])[]): Promise<unknown[]> {
    const sid = await this.#session();
    return this.post(...calls.map((call) => [sid, ...call]));
  }

  /** `sign` is what can be seen once the page is whole. */
  async show({ path }: Pick<View, 'path'>, sign = '#view h2'): Promise<void> {
    if (this.#luci) {
      const readonly = this.#login.mayWrite ? '0' : '1';
      await this.page.goto(`${this.#site.url}/?view=${path}&sid=${await this.#session()}&readonly=${readonly}`);
    } else {
      // One event: of two, the second would make the view anew under the hands of the test.
      const hash = JSON.stringify(`#${path}`);
      await this.page.evaluate(
        `document.body.removeAttribute('data-shown'); if (location.hash === ${hash}) dispatchEvent(new HashChangeEvent('hashchange')); else location.hash = ${hash}`,
      );
      await this.page.waitForSelector(`body[data-shown="${path}"]`);
    }
    await this.page.waitForSelector(sign);
  }

  async text(within = '#view'): Promise<string> {
    return (await this.page.innerText(within)).replaceAll(/\s+/g, ' ');
  }

  /** Light and dark, wide and as a phone has it; gives what of `within` is wider than the phone. */
  async photograph(name: string, within = '#view'): Promise<string[]> {
    const { page } = this;
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 1100, height: 900 });
      await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`), fullPage: true });
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: join(pictures, `${name}-390.png`), fullPage: true });
    const wide = `[...document.querySelectorAll('${within} *')].filter((node) => node.getBoundingClientRect().right > innerWidth + 1).map((node) => node.outerHTML.slice(0, 120))`;
    const found = await page.evaluate<string[]>(wide);
    await page.setViewportSize({ width: 1100, height: 900 });
    return found;
  }

  /** What axe-core calls serious or critical, of what the view itself is, or the part of a page that is ours. */
  async barriers(within = '#view'): Promise<string[]> {
    await this.page.evaluate(axe);
    const look = `axe.run('${within}').then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' ')))`;
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await this.page.emulateMedia({ colorScheme });
      found.push(...(await this.page.evaluate<string[]>(look)).map((each) => `${colorScheme}: ${each}`));
    }
    return found;
  }
}
