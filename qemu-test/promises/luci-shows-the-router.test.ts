// The page in a real browser, behind the router's own log-in: it shows what the daemon says, a daemon that is gone as an
// error, is fit for phones, for the dark and for screen readers, asks nobody but the router; and who may only read changes
// nothing, whatever is called. With LUCI_ROOT=<root of an installed LuCI> the same in LuCI itself.
import type { Browser, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import { launch, Visit } from '../browser/visit.ts';
import { installPage, openSite, views, type Site, type View } from '../browser/site.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

const luciRoot = process.env['LUCI_ROOT'];
const logins = `
config login
	option username 'root'
	list read '*'
	list write '*'

config login
	option username 'viewer'
	list read 'unauthenticated'
	list read 'luci-base'
	list read 'luci-app-rustynet'
`;
/** What LuCI's own packages bring: its configuration, and the right to call what its pages of status and network call. */
const luciFiles = {
  '/etc/config/luci': "config core 'main'\n",
  '/usr/share/rpcd/acl.d/luci-pages.json': JSON.stringify({
    'luci-pages': {
      read: {
        ubus: { 'network.interface': ['dump'], network: ['get_proto_handlers'], 'network.device': ['status'] },
        uci: ['dhcp', 'firewall', 'network', 'system', 'wireless'],
      },
      write: { uci: ['dhcp', 'firewall', 'network'] },
    },
  }),
};
let mesh: Mesh;
let site: Site;
let browser: Browser;
let root: Visit;

beforeAll(async () => {
  const started = launch();
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  const r1 = mesh.router('r1');
  await installPage(r1);
  await r1.guest.writeFile('/etc/config/rpcd', logins);
  if (luciRoot !== undefined)
    for (const [path, text] of Object.entries(luciFiles)) await r1.guest.writeFile(path, text);
  site = await openSite(r1, luciRoot);
  browser = await started;
  root = await Visit.begin(browser, site, { username: 'root', mayWrite: true }, luciRoot !== undefined);
});
afterAll(async () => {
  await browser.close();
  await site.close();
  await mesh.stop();
});

const view = (path: string): View => {
  const found = views().find((each) => each.path === `rustynet/${path}`);
  if (found === undefined) throw new Error(`wanted a view ${path} in the menu, got none`);
  return found;
};

test('the overview says what the daemon says', async () => {
  await root.show(view('overview'));
  const { map, node, name } = (await mesh.router('r1').status()) as Record<string, JsonObject>;
  const text = await root.text();
  expect(text).toContain('Enforced the kernel shows what the map asks for');
  for (const said of [`Epoch ${String(map?.['epoch'])}`, `Name ${String(name)}`, `Node ${String(node)}`])
    expect(text).toContain(said);
});

test('the peers are those of the kernel', async () => {
  await root.show(view('peers'));
  const text = await root.text();
  expect(text).toContain('1 to 1 of 1 found; peers in all: 1');
  // A mesh that was kept from earlier has a handshake of then.
  const [handshakeUnixS = 0] = (await mesh.router('r1').handshakes()).values();
  const ageS = Number((await mesh.router('r1').status())['now']) - handshakeUnixS;
  expect(text).toMatch(ageS > 180 ? /r2 quiet no handshake for 3 minutes/ : /r2 up /);
  expect(text).toMatch(/198\.51\.100\.12:51820 \d+ (s|min|h) ago/);
  await root.page.fill('#rustynet-find', 'nobody');
  await root.page.waitForSelector('text=No peer matches.');
});

test('a choice is shown before it is made, and then made; what was not touched is not written', async () => {
  await root.show(view('access'));
  const { page } = root;
  expect(await root.text()).toContain('192.168.1.0/24: announced and granted by the map: it is routed');
  await page.getByLabel('The LAN behind the exit is reachable').check();
  expect(await root.text()).toContain('What will change The LAN behind the exit is reachable: no → yes');
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  const kept = (): Promise<string> => mesh.router('r1').guest.run('uci show rustynet.main');
  await expect.poll(kept, { timeout: 30_000 }).toContain("exit_lan='1'");
  await page.waitForFunction("!document.querySelector('#rustynet-access .alert-message')");
  expect(await kept()).not.toContain('offer_exit');
});

test('the page of joining says which network it is as soon as the daemon has said it once', async () => {
  const later: Route[] = [];
  let asked = 0;
  await root.page.route('**/ubus/**', (route) => {
    const isLater = route.request().postData()?.includes('"rustynet","status"') === true && asked++ > 0;
    return isLater ? void later.push(route) : route.continue();
  });
  try {
    await root.show(view('join'));
    await root.page.waitForSelector(`text=Network: ${mesh.network}`, { timeout: 10_000 });
    // The page asks on.
    await expect.poll(() => later.length, { timeout: 20_000 }).toBe(1);
  } finally {
    for (const route of later) await route.continue();
    await root.page.unrouteAll();
  }
});

test('the log is verified by the router', async () => {
  await root.show(view('audit'));
  expect(await root.text()).toMatch(/The log is whole .* joined .* on flash/);
});

// LuCI itself applies through its own CGI, which is not here.
test.runIf(luciRoot === undefined)('settings are saved when they fit, and not when they do not', async () => {
  const stored = (): Promise<string> => mesh.router('r1').guest.run('uci get rustynet.main.lease_s');
  await root.show(view('settings'));
  const lease = root.page.getByLabel('Lease in seconds');
  const save = root.page.getByRole('button', { name: 'Save & Apply' });
  await lease.fill('5');
  await save.click();
  await root.page.waitForSelector('.cbi-input-invalid');
  expect(await stored()).toBe('600\n');
  await lease.fill('500');
  await save.click();
  await expect.poll(stored, { timeout: 10_000 }).toBe('500\n');
});

test.each(views().map((each) => [each.path, each] as const))(
  '%s: for phones, the dark, screen readers',
  async (path, each) => {
    await root.show(each);
    expect(await root.photograph(picture(path.replace('rustynet/', ''))), 'wider than a phone').toEqual([]);
    // LuCI's own widgets are LuCI's affair.
    expect((await root.barriers()).filter((barrier) => !barrier.includes('data-widget-id'))).toEqual([]);
  },
);

const picture = (name: string): string => (luciRoot === undefined ? name : `luci-${name}`);

// The stand-in shows our part by itself.
const statusPath = luciRoot === undefined ? 'status/include/35_rustynet' : 'status/index';
test('the overview of the status of the router has a part of ours', async () => {
  const part = '#rustynet-status';
  await root.show({ path: statusPath }, `${part} table`);
  const said = /^State Enforced Why the kernel shows .* Signed map Expires in \d+ .* Peers in the kernel 1$/;
  expect(await root.text(part)).toMatch(said);
  expect(await root.photograph(picture('status'), part), 'wider than a phone').toEqual([]);
  expect(await root.barriers(part)).toEqual([]);
});

const interfaceRow = '#view tr[data-sid="rn0"]';
test.runIf(luciRoot !== undefined)(
  'the page of interfaces says what ours is, and that it is not made by hand',
  async () => {
    const { page } = root;
    await root.show({ path: 'network/interfaces' }, interfaceRow);
    expect(await root.text(interfaceRow)).toMatch(/Protocol: Rustynet mesh .*Uptime: .* RX: .* IPv4: 10\./);
    await root.photograph(picture('interfaces'));
    await page.click(`${interfaceRow} .cbi-button-edit`);
    await page.waitForSelector('.modal >> text=come from the signed map');
    await root.photograph(picture('interface'));
    await page.click('.modal >> text=Dismiss');
    await page.click('text=Add new interface...');
    await page.fill('.modal input[type=text]', 'byhand');
    await page.selectOption('.modal select', 'rustynet');
    await page.click('.modal >> text=Create interface');
    await page.waitForSelector('.alert-message >> text=The interface comes with joining a network');
  },
);

test('a router that left joins by its page: it says what it waits for, and follows by itself', async () => {
  const { page } = root;
  await mesh.operator('member', 'remove', 'r1');
  await mesh.release();
  await mesh.router('r1').guest.run('rustynet leave');
  await root.show(view('join'));
  await page.fill('#rustynet-invite', await mesh.invite('--name', 'back', '--ttl', '1h'));
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await page.waitForSelector('text=Waits for the operator');
  const said = /^Join Waits for the operator .* by invite [0-9a-f]{16}\. .* Node ([0-9a-f]{32}) .* approve \1$/;
  expect(await root.text()).toMatch(said);
  expect(await root.photograph(picture('waits')), 'wider than a phone').toEqual([]);
  expect(await root.barriers()).toEqual([]);
  await expect
    .poll(() => mesh.operator('approve', '--all', ...mesh.operatorLogin), { timeout: 30_000 })
    .toContain('back');
  const epoch = await mesh.release();
  await page.waitForSelector('text=Waits for the operator', { state: 'detached' });
  expect(await root.text()).toMatch(/^Join This router has joined Network: \w+ /);
  await mesh.router('r1').reaches('enforced', epoch);
});

test('nothing went wrong, and nobody but the router was asked', () => {
  // LuCI's form throws for the setting that did not fit.
  const expected = /Some fields are invalid/;
  expect(root.wrong.filter((each) => !expected.test(each))).toEqual([]);
});

test('who may only read sees it all, and changes nothing', async () => {
  const viewer = await Visit.begin(browser, site, { username: 'viewer', mayWrite: false }, luciRoot !== undefined);
  await viewer.show(view('overview'));
  expect(await viewer.text()).toContain('Enforced');
  const before = await mesh.router('r1').guest.run('uci show rustynet');
  const main = { config: 'rustynet', section: 'main' };
  const denied = { error: { code: -32002, message: 'Access denied' } };
  const writes: readonly [string, string, object][] = [
    ['rustynet', 'join', { invite: 'x' }],
    ['rustynet', 'leave', {}],
    ['rustynet', 'exit', { exit: 'full' }],
    ['rustynet', 'announce', { prefixes: [] }],
    ['rustynet', 'clock_set', {}],
    ['rustynet', 'break_glass', {}],
    ['uci', 'set', { ...main, values: { enabled: '0' } }],
    ['uci', 'delete', { ...main, option: 'enabled' }],
    ['uci', 'apply', { rollback: false }],
    ['uci', 'commit', { config: 'rustynet' }],
  ];
  expect(await viewer.call(...writes)).toMatchObject(writes.map(() => denied));
  expect(await mesh.router('r1').guest.run('uci show rustynet')).toBe(before);
  // The nearest that is allowed: what it may look at, and the same call by one who may.
  expect(await viewer.call(['rustynet', 'status', {}])).toMatchObject([{ result: [0, { state: 'enforced' }] }]);
  expect(await root.call(['uci', 'set', { ...main, values: { enabled: '1' } }])).toMatchObject([{ result: [0] }]);
});

test('a daemon that is gone is an error on the page, and nothing of before stays', async () => {
  await root.show(view('overview'));
  await mesh.router('r1').guest.run('/etc/init.d/rustynet stop');
  await root.page.waitForSelector('#view [role=alert]');
  const text = await root.text();
  expect(text).toContain('The daemon does not answer');
  expect(text).not.toContain('Enforced');
});

test.runIf(luciRoot !== undefined)('the page of interfaces says why ours does not come up', async () => {
  await mesh.router('r1').guest.run('ifup rn0');
  await root.show({ path: 'network/interfaces' }, interfaceRow);
  await root.page.waitForSelector(`${interfaceRow} >> text=The Rustynet daemon does not answer.`);
  await root.photograph(picture('interface-down'));
});
