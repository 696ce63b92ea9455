/** What wg and nft print. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../src/wire/error.ts';
import { canonical, parseNftTable } from '../../src/wire/nft-json.ts';
import { parseWgDump } from '../../src/wire/wg-dump.ts';

const device = 'cHJpdmF0ZQ==\tcHVibGlj\t51820\toff\n';
const peer = 'cGVlcg==\t(none)\t192.0.2.1:51820\t10.77.0.2/32,fd00::2/128\t1800000000\t1024\t2048\t25\n';

describe('wg show dump', () => {
  test('a device with a peer; the private key is not kept', () => {
    const parsed = parseWgDump(device + peer);
    expect(parsed).toEqual({
      publicKey: 'cHVibGlj',
      listenPort: 51820,
      mark: 0,
      peers: [
        {
          publicKey: 'cGVlcg==',
          endpoint: '192.0.2.1:51820',
          allowedIps: ['10.77.0.2/32', 'fd00::2/128'],
          latestHandshakeUnixS: 1800000000,
          receivedBytes: 1024,
          sentBytes: 2048,
          keepaliveS: 25,
        },
      ],
    });
    expect(JSON.stringify(parsed)).not.toContain('cHJpdmF0ZQ');
  });
  test('a fresh device and a fresh peer have nothing yet', () => {
    expect(parseWgDump('(none)\t(none)\t0\toff\nk\t(none)\t(none)\t(none)\t0\t0\t0\toff\n')).toEqual({
      listenPort: 0,
      mark: 0,
      peers: [
        { publicKey: 'k', allowedIps: [], latestHandshakeUnixS: 0, receivedBytes: 0, sentBytes: 0, keepaliveS: 0 },
      ],
    });
  });
  test.each([
    ['no text', ''],
    ['a device line of three fields', 'a\tb\tc\n'],
    ['a peer line of seven fields', `${device}a\tb\tc\td\t1\t2\t3\n`],
    ['a port that is no number', 'a\tb\tx\toff\n'],
    ['a handshake before 1970', device + peer.replace('1800000000', '-1')],
  ])('%s is malformed', (_, text) => {
    expect(() => parseWgDump(text)).toThrow(WireError);
  });
  test('any text gives a device or a WireError', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9\t\n()]*$/), (text) => {
        try {
          parseWgDump(text);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

describe('nft -j list table', () => {
  const list = (...items: unknown[]): string => JSON.stringify({ nftables: [{ metainfo: {} }, ...items] });
  test('rules go to their chain in their order, elements to their set; handles are left out', () => {
    const table = parseNftTable(
      list(
        { chain: { name: 'input', handle: 1, type: 'filter', hook: 'input', prio: -10, policy: 'accept' } },
        { chain: { name: 'mesh', handle: 2 } },
        { rule: { chain: 'mesh', handle: 3, expr: [{ drop: null }] } },
        { rule: { chain: 'mesh', handle: 4, expr: [{ accept: null }] } },
        { set: { name: 'lease', elem: [{ elem: { val: 'rn0', timeout: 600, expires: 599 } }] } },
        { map: { name: 'grants4', elem: [[{ concat: ['10.0.0.1', '10.0.0.2'] }, { goto: { target: 'p' } }]] } },
        { map: { name: 'uses4', elem: [[{ prefix: { addr: '10.0.0.0', len: 8 } }, { accept: null }]] } },
        { set: { name: 'own4', elem: [{ range: ['10.0.0.1', '10.0.0.5'] }, { concat: [{ strange: 1 }, 53] }] } },
      ),
    );
    expect(table.chains.get('input')).toEqual({
      hook: { type: 'filter', hook: 'input', priority: -10, policy: 'accept' },
      rules: [],
    });
    expect(table.chains.get('mesh')).toEqual({ rules: ['[{"drop":null}]', '[{"accept":null}]'] });
    const elements = (name: string): unknown => Object.fromEntries(table.sets.get(name) ?? []);
    expect([elements('lease'), [...table.expiresS]]).toEqual([{ rn0: '' }, [['lease rn0', 599]]]);
    expect(elements('grants4')).toEqual({ '10.0.0.1 . 10.0.0.2': 'p' });
    expect(elements('uses4')).toEqual({ '10.0.0.0/8': 'unknown' });
    expect(elements('own4')).toEqual({ '10.0.0.1-10.0.0.5': '', '{"strange":1} . 53': '' });
  });
  test('one text for each meaning: key order and set order do not count, list order does', () => {
    expect(canonical({ b: 1, a: { set: [2, 1] } })).toBe(canonical({ a: { set: [1, 2] }, b: 1 }));
    expect(canonical({ set: [22] })).toBe('22');
    expect(canonical([1, 2])).not.toBe(canonical([2, 1]));
  });
  test.each([
    ['text', 'Error: No such file'],
    ['JSON of something else', '[]'],
    ['a chain without a name', list({ chain: {} })],
    [
      'a base chain without a priority',
      list({ chain: { name: 'a', hook: 'input', type: 'filter', policy: 'accept' } }),
    ],
    ['a rule of no chain', list({ rule: { expr: [] } })],
  ])('%s is malformed', (_, text) => {
    expect(() => parseNftTable(text)).toThrow(WireError);
  });
});
