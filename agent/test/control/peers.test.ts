// What the page and the command line are told of peers, and of who may reach whom.
import { describe, expect, test } from 'vitest';
import { accessReport } from '../../src/control/access.ts';
import { pageOf } from '../../src/control/page.ts';
import { peersReport } from '../../src/control/peers.ts';
import type { JsonObject } from '../../src/control/ports.ts';
import { compile } from '../../src/policy/compile.ts';
import type { DesiredPeer } from '../../src/policy/desired.ts';
import type { Endpoint, Label, NodeId, WireGuardKey } from '../../src/trust/types.ts';
import type { WgPeer } from '../../src/wire/wg-dump.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { content } from '../trust/network.ts';

const nowUnixS = 1_800_000_000;
const at = { judgement: { state: 'closed', why: 'no map' }, nowUnixS } as const;
const wanted = (name: string, over: Partial<DesiredPeer> = {}): DesiredPeer => ({
  id: name.padEnd(32, '0') as NodeId,
  name: name as Label,
  publicKey: `${name}=` as WireGuardKey,
  allowedIps: [],
  endpoints: ['192.0.2.1:51820' as Endpoint],
  keepaliveS: 0,
  ...over,
});
const got = (name: string, over: Partial<WgPeer> = {}): WgPeer =>
  ({ publicKey: `${name}=`, latestHandshakeUnixS: 0, receivedBytes: 0, sentBytes: 0, ...over }) as WgPeer;
const report = (peers: readonly DesiredPeer[], kernel: readonly WgPeer[], args: JsonObject = {}): JsonObject =>
  peersReport(peers, { listenPort: 1, mark: 0, peers: kernel } as never, at, args);
const names = (answer: JsonObject): string =>
  (answer['peers'] as readonly JsonObject[]).map(({ name }) => String(name)).join(' ');

test.each<[string, Partial<DesiredPeer>, Partial<WgPeer> | undefined, string, RegExp]>([
  ['what the kernel lacks is down, with the state of the router', {}, undefined, 'down', /closed: no map/],
  ['who has no endpoint must call', { endpoints: [] }, {}, 'down', /map names no endpoint/],
  ['an endpoint without an address did not resolve', {}, {}, 'down', /did not resolve/],
  ['nobody wanted anything of it yet', {}, { endpoint: '192.0.2.1:1' }, 'quiet', /nothing was sent/],
  ['sent to and never heard', {}, { endpoint: '192.0.2.1:1', sentBytes: 148 }, 'down', /never answered at 192/],
  ['180 s old is up', {}, { latestHandshakeUnixS: nowUnixS - 180 }, 'up', /3 minutes/],
  ['181 s old is not', {}, { latestHandshakeUnixS: nowUnixS - 181 }, 'quiet', /nothing was sent, or/],
  ['kept alive in vain', { keepaliveS: 25 }, { latestHandshakeUnixS: nowUnixS - 181 }, 'down', /each 25 s/],
  ['a handshake of tomorrow says nothing', {}, { latestHandshakeUnixS: nowUnixS + 9 }, 'unknown', /set back/],
])('%s', (_sentence, over, seen, link, why) => {
  const answer = report([wanted('a', over)], seen === undefined ? [] : [got('a', seen)]);
  expect(answer['peers']).toMatchObject([{ link, why: expect.stringMatching(why) as string }]);
});

describe('search and order', () => {
  const kernel = [
    got('a', { latestHandshakeUnixS: nowUnixS - 500, receivedBytes: 5 }),
    got('b', { latestHandshakeUnixS: nowUnixS - 5, endpoint: '198.51.100.7:1' }),
    got('c', { latestHandshakeUnixS: nowUnixS - 50, receivedBytes: 9 }),
  ];
  const peers = [wanted('c'), wanted('b'), wanted('a', { allowedIps: ['10.1.2.3/32'] as never })];
  test.each<[string, JsonObject, string, number]>([
    ['by name if not said', {}, 'a b c', 3],
    ['by handshake, the newest first', { sort: 'handshake' }, 'b c a', 3],
    ['by traffic, the most first', { sort: 'traffic' }, 'c a b', 3],
    ['by link, the worst first', { sort: 'link' }, 'a b c', 3],
    ['an order that nobody has is by name', { sort: 'constructor' }, 'a b c', 3],
    ['found by address', { find: '10.1.2' }, 'a', 1],
    ['found by endpoint', { find: '100.7' }, 'b', 1],
    ['found by link', { find: 'UP' }, 'b c', 2],
    ['nothing is found by what nobody has', { find: 'zz' }, '', 0],
    ['a page', { offset: 1, limit: 1 }, 'b', 3],
  ])('%s', (_sentence, args, order, found) => {
    const answer = report(peers, kernel, args);
    expect([names(answer), answer['found'], answer['total']]).toEqual([order, found, 3]);
  });
});

test('1,000 peers with a LAN each: every reply is below 64 KB, and the pages are all of them, once', () => {
  const allowedIps = ['10.10.10.10/32', 'fd00:1234:5678::1234/128', '192.168.100.0/24'] as never;
  const peers = Array.from({ length: 1000 }, (_, index) =>
    wanted(`router-${String(index).padStart(4, '0')}`, { allowedIps }),
  );
  const seen: string[] = [];
  for (let args: JsonObject | undefined = {}; args !== undefined;) {
    const answer = report(peers, [], args);
    expect(JSON.stringify(answer).length).toBeLessThan(48 * 1024);
    seen.push(...names(answer).split(' '));
    args = answer['next'] === undefined ? undefined : { offset: answer['next'] };
  }
  expect(seen).toEqual(peers.map(({ name }) => name));
});

test.each<[string, unknown, unknown, number, number | undefined]>([
  ['all that fit', undefined, undefined, 5, undefined],
  ['from a place on', 3, undefined, 2, undefined],
  ['so many', 0, 2, 2, 2],
  ['beyond the end there is nothing', 9, undefined, 0, undefined],
  ['what is no place is the first', -1, 'x', 5, undefined],
])('a page: %s', (_sentence, offset, limit, length, next) => {
  const { rows, ...rest } = pageOf(
    Array.from({ length: 5 }, (_, row) => ({ row })),
    offset,
    limit,
  );
  expect([rows.length, rest.next]).toEqual([length, next]);
});

test('a row that fills a page alone is given alone', () => {
  const { rows, next } = pageOf([{ text: 'x'.repeat(50_000) }, { text: 'y' }], 0);
  expect([rows.length, next]).toEqual([1, 1]);
});

test('access names whose addresses they are, and which way it goes', () => {
  const [self, other] = content.members;
  if (self === undefined || other === undefined) throw new Error('wanted two members');
  const map = believed([rule(`member:${self.name}`, `member:${other.name}`, 'tcp:22')]);
  const answer = accessReport(compile(map, self.id, choices), map, self.id, 0);
  const rows = answer['grants'] as readonly JsonObject[];
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    expect(row).toMatchObject({
      direction: 'out',
      protocols: ['tcp:22'],
      from_members: { names: [self.name], more: 0 },
    });
    expect(row).toMatchObject({ to_members: { names: [other.name] } });
  }
  const back = accessReport(compile(map, other.id, choices), map, other.id, 0)['grants'] as readonly JsonObject[];
  expect(back.map(({ direction }) => direction)).toEqual(rows.map(() => 'in'));
  expect(accessReport(compile(map, other.id, choices), undefined, other.id, 0)['exits']).toEqual([]);
});
