/** What the command line says in words, of what the daemon answered. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/control/ports.ts';
import { checkLines, joinText, netchecks, peerLines } from '../../src/text.ts';

const keys = { node: 'ab'.repeat(16), identity_key: 'id', wireguard_key: 'wg' };

test.each<[string, JsonObject, string]>([
  [
    'joined: what the operator must be told',
    { network: 'n', ...keys },
    `joined network n as node ${keys.node}; for the operator:\n  rustynet-operator member add NAME --identity id --wireguard wg`,
  ],
  [
    'joined by a one-time invite: whom the operator lets in',
    { network: 'n', invite: 'i', ...keys },
    `joined network n as node ${keys.node}; waits for the operator, who compares the node:\n  rustynet-operator approve ${keys.node}`,
  ],
  [
    'another broker: nothing is to be done',
    { network: 'n', broker: 'mqtts://b', ...keys },
    'its broker is mqtts://b now; all else of network n stays',
  ],
  [
    'another broker, of a router that waits',
    { network: 'n', broker: 'mqtts://b', invite: 'i', ...keys },
    `its broker is mqtts://b now; waits for the operator, who compares the node:\n  rustynet-operator approve ${keys.node}`,
  ],
])('%s', (_, answer, text) => {
  expect(joinText(answer)).toBe(text);
});

const nowUnixS = 1_800_000_000;
const peer = (name: string, over: JsonObject = {}): JsonObject => ({
  ...{ name, present: true, endpoint: '192.0.2.7:51820', latest_handshake: nowUnixS - 30 },
  ...{ received_bytes: 2048, sent_bytes: 100, allowed_ips: ['10.1.0.2/32', '192.168.2.0/24'] },
  ...{ link: 'up', why: 'a handshake within 3 minutes' },
  ...over,
});
const quiet = { link: 'quiet', why: 'nothing was sent to it yet', latest_handshake: 0 };
const idle = { link: 'quiet', why: 'no handshake for 3 minutes', latest_handshake: nowUnixS - 1200 };
const gone = {
  link: 'down',
  why: 'not in the kernel: closed: no map',
  present: false,
  endpoint: null,
  latest_handshake: 0,
};
const odd = { link: 'unknown', why: 'its last handshake lies in the future', latest_handshake: nowUnixS + 60 };

describe('netcheck', () => {
  const well = { now: nowUnixS, clock: 'ntp', clock_usable: true, network: 'n', state: 'enforced', why: 'so it is' };
  const lines = (over: JsonObject): readonly string[] =>
    checkLines(netchecks({ ...well, broker: { connected: true }, problems: [], ...over })).slice(4);
  test.each<[string, JsonObject, string]>([
    ['a peer that is up', peer('attic'), 'ok   peer attic up: a handshake within 3 minutes'],
    ['one that nothing was sent to', peer('attic', quiet), 'ok   peer attic quiet: nothing was sent to it yet'],
    ['one that nobody talked to of late', peer('attic', idle), 'ok   peer attic quiet: no handshake for 3 minutes'],
    ['one that is down', peer('attic', gone), 'FAIL peer attic down: not in the kernel: closed: no map'],
    [
      'one of which nothing is known',
      peer('attic', odd),
      'FAIL peer attic unknown: its last handshake lies in the future',
    ],
  ])('%s', (_, row, line) => {
    expect(lines({ peers: [row] })).toEqual([line]);
  });
});

describe('peers', () => {
  test('are a table, with why where one is not well', () => {
    const peers = [peer('attic'), peer('shed', quiet), peer('b', gone), peer('c', odd)];
    expect(peerLines({ peers }, nowUnixS)).toEqual([
      'NAME   LINK     HANDSHAKE  ENDPOINT         RECEIVED  SENT  ALLOWED IPS                 WHY',
      'attic  up       30 s ago   192.0.2.7:51820  2048      100   10.1.0.2/32 192.168.2.0/24',
      'shed   quiet    never      192.0.2.7:51820  2048      100   10.1.0.2/32 192.168.2.0/24',
      'b      down     never      -                2048      100   10.1.0.2/32 192.168.2.0/24  not in the kernel: closed: no map',
      'c      unknown  0 s ago    192.0.2.7:51820  2048      100   10.1.0.2/32 192.168.2.0/24  its last handshake lies in the future',
    ]);
  });
  test('of none there is the head alone', () => {
    expect(peerLines({ peers: [] }, nowUnixS)).toEqual([
      'NAME  LINK  HANDSHAKE  ENDPOINT  RECEIVED  SENT  ALLOWED IPS  WHY',
    ]);
  });
});
