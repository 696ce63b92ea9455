/** What keeps the tunnel alive, asked of a real dnsmasq in the place of an uplink's DNS server. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject, Lifelines, Ubus } from '../../src/control/ports.ts';
import { openAsker, type Asker } from '../../src/drivers/ask.ts';
import { connectLifelines } from '../../src/drivers/lifelines.ts';
import type { Endpoint, Ip } from '../../src/trust/types.ts';
import { RealDnsmasq } from './real-dnsmasq.ts';

const uplink = '198.51.100.53' as Ip;
let dnsmasq: RealDnsmasq;
let asker: Asker;
let lifelines: Lifelines;
let nowMs: number;
let asked: string[];
let ntp: JsonObject;
beforeEach(async () => {
  nowMs = 1;
  asked = [];
  ntp = { server: ['0.pool.test', '203.0.113.123'], enabled: '1' };
  dnsmasq = await RealDnsmasq.start(
    'host-record=broker.test,203.0.113.7,2001:db8::7,60',
    'host-record=0.pool.test,203.0.113.8',
    'host-record=peer.test,203.0.113.9',
    'local=/test/',
  );
  asker = openAsker(0);
  const ubus = { call: () => Promise.resolve({ values: ntp }) } as unknown as Ubus;
  const redirected: Asker = {
    ask: ({ address, port }, name, type) => {
      asked.push(`${address}:${port} ${name} ${type}`);
      return asker.ask({ address: '127.0.0.1', port: dnsmasq.port }, name, type, 1, 200);
    },
    close: () => undefined,
  };
  lifelines = connectLifelines(
    ubus,
    redirected,
    () => nowMs,
    () => undefined,
  );
});
afterEach(() => {
  asker.close();
  dnsmasq.end();
});

const endpoints = ['peer.test:51820', '192.0.2.4:51820', '[2001:db8::4]:51821'] as Endpoint[];
const look = (resolvers: readonly Ip[] = [uplink]): ReturnType<Lifelines['look']> =>
  lifelines.look('mqtts://broker.test', endpoints, resolvers, []);

test('broker and NTP are lifelines, endpoints only names; each name is asked of the uplink, in both families', async () => {
  expect(await look()).toEqual({
    lifelines: [
      { protocol: 'tcp', address: '2001:db8::7', port: 8883 },
      { protocol: 'tcp', address: '203.0.113.7', port: 8883 },
      { protocol: 'udp', address: '203.0.113.8', port: 123 },
      { protocol: 'udp', address: '203.0.113.123', port: 123 },
    ],
    lifelineHosts: [
      { name: '0.pool.test', addresses: ['203.0.113.8'] },
      { name: 'broker.test', addresses: ['2001:db8::7', '203.0.113.7'] },
      { name: 'peer.test', addresses: ['203.0.113.9'] },
    ],
    resolved: new Map([
      ['peer.test:51820', '203.0.113.9:51820'],
      ['192.0.2.4:51820', '192.0.2.4:51820'],
      ['[2001:db8::4]:51821', '[2001:db8::4]:51821'],
    ]),
  });
  const names = ['0.pool.test', 'broker.test', 'peer.test'];
  expect(asked.sort()).toEqual(names.flatMap((name) => [`${uplink}:53 ${name} A`, `${uplink}:53 ${name} AAAA`]));
});

test('an answer is kept at least 5 minutes, whatever its TTL says', async () => {
  await look();
  asked = [];
  nowMs += 299_000;
  await look();
  expect(asked).toEqual([]);
  nowMs += 2_000;
  await look();
  expect(asked.length).toBe(6);
});

test('with the server silent the last good answer stays, and a problem says what is missing', async () => {
  const before = await look();
  dnsmasq.init('stop');
  nowMs += 3_700_000;
  expect(await look()).toEqual(before);
  expect(lifelines.problems()).toContain(`wanted an address of broker.test, got none from ${uplink}`);
  asked = [];
  nowMs += 29_000;
  await look();
  expect(asked).toEqual([]);
});

test('an address that turned away stays one answer longer', async () => {
  await look();
  await restartWith('host-record=broker.test,203.0.113.77');
  const reached = async (): Promise<string[]> =>
    (await look()).lifelines.filter(({ protocol }) => protocol === 'tcp').map(({ address }) => address);
  nowMs += 3_700_000;
  expect(await reached()).toEqual(['2001:db8::7', '203.0.113.7', '203.0.113.77']);
  await restartWith('host-record=broker.test,203.0.113.78');
  nowMs += 3_700_000;
  expect(await reached()).toEqual(['203.0.113.77', '203.0.113.78']);
});

async function restartWith(line: string): Promise<void> {
  dnsmasq.end();
  dnsmasq = await RealDnsmasq.start(line, 'local=/test/');
}

test('before an uplink gave a server nothing is asked; numbers need none', async () => {
  expect((await look([])).lifelines).toEqual([{ protocol: 'udp', address: '203.0.113.123', port: 123 }]);
  expect(asked).toEqual([]);
  expect((await look()).lifelines.length).toBe(4);
});

test.each([
  [
    'a numeric broker is asked of nobody',
    'mqtt://[2001:db8::5]',
    [{ protocol: 'tcp', address: '2001:db8::5', port: 1883 }],
  ],
  ['the port of the URL counts', 'mqtts://192.0.2.5:443', [{ protocol: 'tcp', address: '192.0.2.5', port: 443 }]],
  ['another protocol is no lifeline', 'https://192.0.2.5', []],
  ['what is no name is not asked', 'mqtts://bad_name.test', []],
])('%s', async (_, broker, wanted) => {
  ntp = { server: ['192.0.2.1'], enabled: '0' };
  expect((await lifelines.look(broker, [], [uplink], [])).lifelines).toEqual(wanted);
  expect(asked).toEqual([]);
});
