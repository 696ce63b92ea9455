// The views in QuickJS: what a person reads for what ubus answered, and that a failure is never shown as nothing.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { rustynetObject, type Inside } from '../../src/control/object.ts';
import { answer, showView, sources, type Answers, type Shown } from './page.ts';

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
const good: Answers = { status: answer(status), peers: answer(peersAnswer) };
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
  ['the map has a bar', 'overview', good, /10%|Expires in 15 min/],
  ['a name and no map', 'overview', { status: answer({ ...status, name: null, map: null }) }, /There is no map/],
  ['refusals by reason', 'overview', { status: answer({ ...status, refusals: { rollback: 4 } }) }, /rollback 4/],
  ['problems', 'overview', { status: answer({ ...status, problems: ['two WANs'] }) }, /Problems two WANs/],
  [
    'break-glass',
    'overview',
    { status: answer({ ...status, break_glass: { reason: 'fire', until: now } }) },
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
])('%s', async (_sentence, view, answers, wanted) => {
  expect(textOf(await page(view, answers))).toMatch(wanted);
});

describe.each(['overview', 'peers'])('%s, when a call fails', (view) => {
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
    const html = await page(view, { status: failure, peers: failure });
    expect(html).toContain('role="alert"');
    expect(textOf(html)).toMatch(wanted);
    expect(html).not.toContain('<table');
  });
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
  const peers = await page('peers', { ...good, peers: answer({ ...peersAnswer, peers: [row] }) });
  expect(peers).not.toContain('<img');
  expect(peers.split('&lt;img').length - 1).toBe(4);
  shown?.dispose();
  expect(await page('overview', { status: { error: { code: 1, message: evil } } })).not.toContain('<img');
});

test('peers are asked for a page at a time', async () => {
  await page('peers', good);
  expect(shown?.calls()).toContainEqual(['rustynet', 'peers', { find: '', sort: 'name', offset: 0, limit: 50 }]);
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
      expect(source, path).not.toMatch(
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
