// The views in QuickJS: what a person reads for what ubus answered, and that a failure is never shown as nothing.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { rustynetObject, type Inside } from '../../src/control/object.ts';
import { answer, showView, sources, takeClass, type Answers, type Shown } from './page.ts';

const now = 1_800_000_000;
const status = {
  version: '0.1.0',
  state: 'enforced',
  why: 'the kernel shows what the map asks for',
  node: 'ab'.repeat(16),
  name: 'home',
  interface: 'rn0',
  choices: { exit: 'off', exit_lan: false, offer_exit: false, announced: [], not_announced: [] },
  network: 'cd'.repeat(16),
  ...{ invite: null, next_wireguard_key: null, floors: { epoch: 7 } },
  map: { epoch: 7, issued: now - 100, expires: now + 900, root_version: 1, digest: 'x' },
  now,
  clock: 'ntp',
  lease_s: 500,
  peers: 2,
  refusals: {},
  last_refusal: null,
  broker: { connected: true, last_error: null, dropped: 0, received_bytes: 2048 },
  flash_writes: 3,
  findings: [],
  warnings: [],
  problems: [],
};
const peer = {
  name: 'attic',
  allowed_ips: ['10.1.0.2/32'],
  present: true,
  endpoint: '192.0.2.7:51820',
  latest_handshake: now - 30,
  received_bytes: 2048,
  sent_bytes: 100,
  link: 'up',
  why: 'a handshake within 3 minutes',
};
const peersAnswer = { peers: [peer], total: 1, found: 1 };
const side = (name: string): unknown => ({ names: [name], more: 0 });
const grant = {
  direction: 'out',
  from: '10.1.0.1',
  to: '10.1.0.2',
  from_members: side('home'),
  to_members: side('attic'),
};
const access = { grants: [{ ...grant, protocols: ['tcp:22', 'icmp'] }], total: 1, exits: ['attic'] };
const logLine = JSON.stringify({ seq: 1, at: now, clock: 'ntp', event: 'joined', network: 'cd' });
const log = {
  segment: '1',
  text: `${logLine}\n{"event":"checkpoint"}\n`,
  waiting: '{"event":"start","at":0}\n',
  head: '{}',
};
const good: Answers = {
  ...{ status: answer(status), peers: answer(peersAnswer) },
  access: answer(access),
  // One method gives pages and verdicts.
  audit: answer({ ...log, whole: true, lines: 2, segments: 1, oldest: now, head: { seq: 2, digest: 'ef' } }),
  get: answer({ values: { main: { enabled: '1', listen_port: '51820', network: 'cd'.repeat(16) } } }),
};
const granted = { ...status.choices, announced: [{ prefix: '192.168.1.0/24', granted: false }] };
const denied = { error: { code: -32002, message: 'Access denied' } };

let shown: Shown | undefined;
afterEach(() => {
  shown?.dispose();
  shown = undefined;
});
const textOf = (html: string): string => html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
async function page(view: string, answers: Answers): Promise<string> {
  shown = await showView(`view.rustynet.${view}`, answers);
  return shown.html();
}

test.each<[string, string, Answers, RegExp]>([
  ['enforced is said, with why', 'overview', good, /Enforced the kernel shows what the map asks for/],
  ['a name and no map', 'overview', { status: answer({ ...status, name: null, map: null }) }, /There is no map/],
  ['refusals by reason', 'overview', { status: answer({ ...status, refusals: { rollback: 4 } }) }, /rollback 4/],
  ['problems', 'overview', { status: answer({ ...status, problems: ['two WANs'] }) }, /Problems two WANs/],
  [
    'break-glass',
    'overview',
    {
      status: answer({
        ...status,
        break_glass: { allowed: true, confirm: 'r1', open: { reason: 'fire', until: now } },
      }),
    },
    /Break-glass is active Reason: fire/,
  ],
  [
    'what is missing in the answer is unknown',
    'overview',
    { status: answer({ state: 'closed' }) },
    /Refused maps unknown/,
  ],
  ['a peer that is up', 'peers', good, /attic up 10\.1\.0\.2\/32 192\.0\.2\.7:51820 30 s ago 2\.0 KiB received/],
  [
    'a peer that is down, and why',
    'peers',
    { ...good, peers: answer({ ...peersAnswer, peers: [{ ...peer, link: 'down', why: 'it never answered' }] }) },
    /down it never answered/,
  ],
  [
    'of a peer that the kernel lacks nothing is known',
    'peers',
    { ...good, peers: answer({ ...peersAnswer, peers: [{ ...peer, present: false, endpoint: null, link: 'down' }] }) },
    /unknown unknown unknown/,
  ],
  [
    'no peers at all',
    'peers',
    { ...good, peers: answer({ peers: [], total: 0, found: 0 }) },
    /no peers: the overview says why/,
  ],
  ['none that matches', 'peers', { ...good, peers: answer({ peers: [], total: 9, found: 0 }) }, /No peer matches/],
  [
    'what is granted, in words',
    'access',
    good,
    /from here home 10\.1\.0\.1 attic 10\.1\.0\.2 TCP port 22, ping and other ICMP/,
  ],
  [
    'nothing granted is said to be nothing',
    'access',
    { ...good, access: answer({ grants: [], total: 0 }) },
    /Nothing is granted/,
  ],
  [
    'announced and not granted',
    'access',
    { ...good, status: answer({ ...status, choices: granted }) },
    /192\.168\.1\.0\/24: announced, and the map does not grant it/,
  ],
  ['a log that is whole', 'audit', good, /The log is whole 2 lines in 1 segments/],
  [
    'what waits is told from what is kept',
    'audit',
    good,
    /unknown \(clock: unknown\) start in memory .* UTC joined network=cd on flash/,
  ],
  [
    'a log that is not whole',
    'audit',
    { ...good, audit: answer({ ...log, whole: false, finding: { segment: '1', line: 4, detail: 'cut' } }) },
    /The log is not whole Segment 1, line 4: cut/,
  ],
  [
    'text that is no line of the log',
    'audit',
    { ...good, audit: answer({ ...log, text: 'x<b>\n', whole: true }) },
    /not a line of the log x&lt;b&gt;/,
  ],
  ['a router that joined takes no invite', 'join', good, /has joined Network: cd.* broker of this one.* Identity key/],
  [
    'one that did not takes one',
    'join',
    { status: answer({ ...status, network: null }) },
    /Join a network .*Take it from the operator only/,
  ],
  [
    'one that asks by an invite says so, and what the operator does',
    'join',
    { status: answer({ ...status, invite: '00112233aabbccdd' }) },
    /asks to be let in by invite 00112233aabbccdd.* rustynet-operator approve (?:ab){16}/,
  ],
  [
    'one that made its next key shows it, and what the operator does',
    'join',
    { status: answer({ ...status, next_wireguard_key: 'bmV4dA==' }) },
    /Next WireGuard key bmV4dA== rustynet-operator member rotate \S+ --wireguard bmV4dA==/,
  ],
  ['settings have labels', 'settings', good, /WireGuard port .*Lease in seconds/],
])('%s', async (_sentence, view, answers, wanted) => {
  expect(textOf(await page(view, answers))).toMatch(wanted);
});

describe.each(['overview', 'peers', 'access', 'audit', 'join'])('%s, when a call fails', (view) => {
  test.each<[string, unknown, RegExp]>([
    ['denied', denied, /Not allowed .*Access denied/],
    ['no daemon', { error: { code: -32000, message: 'Object not found' } }, /daemon does not answer/],
    ['status 6 of ubus', { result: [6] }, /Not allowed .*ubus code 6/],
    [
      'the daemon refuses it',
      { result: [0, { error: { code: 'X', message: 'flash is full' } }] },
      /Failed flash is full/,
    ],
    ['an answer without what it is about', { result: [0, {}] }, /Failed The answer of/],
    ['an answer that is none', { result: [0] }, /Failed The answer of/],
    ['no answer', {}, /Failed .*invalid message frame/],
  ])('%s: an alert, and no table that looks empty', async (_sentence, failure, wanted) => {
    const html = await page(view, { status: failure, peers: failure, access: failure, audit: failure });
    expect(html).toContain('role="alert"');
    expect(textOf(html)).toMatch(wanted);
    expect(html).not.toContain('<table');
  });
});

describe.each(['overview', 'peers'])('%s polls', (view) => {
  test('what was shown before does not stay', async () => {
    expect(await page(view, good)).toContain('<table');
    shown?.tick({ status: denied, peers: denied });
    expect(shown?.html()).not.toContain('<table');
    shown?.tick(good);
    expect(shown?.html()).toContain('<table');
  });
});

test('what others said is text and never markup', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  const said = { ...status, why: evil, problems: [evil], broker: { connected: false, last_error: evil }, name: evil };
  const overview = await page('overview', { status: answer(said) });
  expect(overview).not.toContain('<img');
  expect(overview.split('&lt;img').length - 1).toBe(4);
  shown?.dispose();
  const row = { ...peer, name: evil, endpoint: evil, allowed_ips: [evil], link: 'down', why: evil };
  const peers = await page('peers', { ...good, peers: answer({ peers: [row], total: 1, found: 1 }) });
  expect(peers).not.toContain('<img');
  // Four in the table, two in the picture and in its label.
  expect(peers.split('&lt;img').length - 1).toBe(8);
  shown?.dispose();
  expect(await page('overview', { status: { error: { code: 1, message: evil } } })).not.toContain('<img');
});

test('the map has a bar, which says in words what it shows', async () => {
  const html = await page('overview', good);
  expect(html).toMatch(
    /title="Expires in 15 min" role="progressbar" .*aria-valuenow="10" aria-valuetext="Expires in 15 min"/,
  );
  expect(html).toContain('style="width:10%"');
});

test('peers are asked for a page at a time', async () => {
  await page('peers', good);
  expect(shown?.calls()).toContainEqual(['rustynet', 'peers', { find: '', sort: 'name', offset: 0, limit: 50 }]);
});

describe('on pages of LuCI itself', () => {
  test.each<[string, string, RegExp]>([
    ['the state', `{ status: ${JSON.stringify(status)} }`, /State Enforced Why the kernel shows .* Expires in 15 min/],
    ['a failure', '{ error: new Error("Access denied") }', /Not allowed Access denied/],
  ])('the overview of the status has %s', async (_sentence, given, wanted) => {
    shown = await takeClass('view.status.include.35_rustynet');
    expect(textOf(String(shown.evaluate(`it.render(${given}).html`)))).toMatch(wanted);
  });
  test('and the call that fails does not take the other parts with it', async () => {
    shown = await takeClass('view.status.include.35_rustynet');
    shown.evaluate('(it.load().then(({ error }) => { it.said = error.message; }), 0)');
    expect(shown.evaluate('it.said')).toMatch(/Object not found/);
  });
  test('the interface is no device of others, and cannot be made by hand', async () => {
    shown = await takeClass('protocol.rustynet');
    expect(shown.evaluate('[it.getI18n(), it.isFloating(), it.isVirtual(), it.getDevices()]')).toEqual([
      'Rustynet mesh',
      true,
      true,
      null,
    ]);
    shown.evaluate('(it.isCreateable().then((why) => { it.said = why; }), 0)');
    expect(shown.evaluate('it.said')).toMatch(/comes with joining/);
  });
});

describe('the files', () => {
  const acl = JSON.parse(
    readFileSync(
      fileURLToPath(new URL('../../../luci-app/root/usr/share/rpcd/acl.d/luci-app-rustynet.json', import.meta.url)),
      'utf8',
    ),
  ) as { 'luci-app-rustynet': Record<'read' | 'write', { ubus: { rustynet: string[] } }> };
  const { read, write } = acl['luci-app-rustynet'];
  test('no eval, no markup from text, nothing from elsewhere, no storage', () => {
    for (const [path, source] of Object.entries(sources())) {
      expect(source.replace("'http://www.w3.org/2000/svg'", ''), path).not.toMatch(
        /\beval\b|new Function|innerHTML|outerHTML|insertAdjacent|document\.write|\bhttps?:|localStorage/,
      );
    }
  });
  test('each node is made by h, which makes text of strings', () => {
    for (const [path, source] of Object.entries(sources())) {
      const own = source.replace('=> E(tag, attributes, flat(children))', '');
      expect(own, path).not.toMatch(/(?<!\w)E\(/);
    }
  });
  test('the page asks for methods that the daemon has and that an ACL names; break-glass is in none', () => {
    const asked = [...(sources()['rustynet/calls.js'] ?? '').matchAll(/\bmethod\('(\w+)'/g)].map(([, name]) => name);
    const known = Object.keys(rustynetObject({ ports: { identity: {} } } as unknown as Inside));
    const named = [...read.ubus.rustynet, ...write.ubus.rustynet];
    expect(new Set(asked)).toEqual(new Set(named));
    expect(known).toEqual(expect.arrayContaining(named));
    expect(read.ubus.rustynet.filter((name) => write.ubus.rustynet.includes(name))).toEqual([]);
    expect(JSON.stringify(acl)).not.toMatch(/break_glass|\*/);
  });
});
