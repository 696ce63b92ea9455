/** Asking a real dnsmasq, and what a stranger who answers instead of it can do: nothing. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAsker, type Asker } from '../../src/drivers/ask.ts';
import { RealDnsmasq } from './real-dnsmasq.ts';

describe('a real server', () => {
  test('gives addresses of both families, and says that a name does not exist', async () => {
    const records = 'host-record=both.test,9.9.9.9,2620:fe::9,120';
    const dnsmasq = await RealDnsmasq.start(records, 'cname=alias.test,both.test', 'local=/test/');
    const asker = openAsker(0);
    const ask = (name: string, type: 'A' | 'AAAA'): ReturnType<Asker['ask']> =>
      asker.ask({ address: '127.0.0.1', port: dnsmasq.port }, name, type);
    try {
      expect(await ask('both.test', 'A')).toEqual({ code: 0, addresses: ['9.9.9.9'], ttlS: 120 });
      expect(await ask('alias.test', 'AAAA')).toMatchObject({ code: 0, addresses: ['2620:fe::9'] });
      expect(await ask('gone.test', 'A')).toEqual({ code: 3, addresses: [], ttlS: 0 });
    } finally {
      asker.close();
      dnsmasq.end();
    }
  });
});

describe('a server of this test', () => {
  let server: Socket;
  let stranger: Socket;
  let asker: Asker;
  let questions: number;
  beforeEach(async () => {
    questions = 0;
    [server, stranger] = [createSocket('udp4').bind(0, '127.0.0.1'), createSocket('udp4').bind(0, '127.0.0.1')];
    await Promise.all([once(server, 'listening'), once(stranger, 'listening')]);
    server.on('message', () => (questions += 1));
    asker = openAsker(0);
  });
  afterEach(() => {
    for (const socket of [server, stranger, asker]) socket.close();
  });
  const ask = (tries = 1, patienceMs = 150): ReturnType<Asker['ask']> =>
    asker.ask({ address: '127.0.0.1', port: server.address().port }, 'a.test', 'A', tries, patienceMs);
  /** The question made an answer with one address. */
  const answerTo = (asked: Buffer): Buffer => {
    const answer = Buffer.concat([asked, Buffer.from('c00c00010001000000780004' + '01020304', 'hex')]);
    answer.writeUInt16BE(0x8180, 2);
    answer.writeUInt16BE(1, 6);
    return answer;
  };

  test.each([
    ['another id', (answer: Buffer) => void answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0)],
    ['another name', (answer: Buffer) => void answer.write('b', 13)],
    ['another type', (answer: Buffer) => void answer.writeUInt16BE(28, 20)],
    ['no answer at all', (answer: Buffer) => void answer.writeUInt16BE(0x0100, 2)],
  ])('an answer with %s is not heard', async (_, bend) => {
    server.on('message', (asked, from) => {
      const answer = answerTo(asked);
      bend(answer);
      server.send(answer, from.port, from.address);
    });
    expect(await ask()).toBeUndefined();
  });
  test('an answer that came from another port is not heard', async () => {
    server.on('message', (asked, from) => stranger.send(answerTo(asked), from.port, from.address));
    expect(await ask()).toBeUndefined();
  });
  test('the nearest that must be heard: the same bytes from the server', async () => {
    server.on('message', (asked, from) => server.send(answerTo(asked), from.port, from.address));
    expect(await ask()).toEqual({ code: 0, addresses: ['1.2.3.4'], ttlS: 120 });
  });
  test('a server that is silent is asked as often as told, and then it is over', async () => {
    const begin = performance.now();
    expect(await ask(3, 100)).toBeUndefined();
    expect(questions).toBe(3);
    expect(performance.now() - begin).toBeLessThan(2_000);
  });
  test('a lost question is asked again', async () => {
    server.on('message', (asked, from) => {
      if (questions === 2) server.send(answerTo(asked), from.port, from.address);
    });
    expect(await ask(2, 200)).toMatchObject({ addresses: ['1.2.3.4'] });
  });
  test('each question leaves from the port that was given', async () => {
    const { port } = stranger.address();
    stranger.close();
    await once(stranger, 'close');
    stranger = createSocket('udp4').bind(0);
    const fixed = openAsker(port);
    const asked = once(server, 'message') as Promise<[Buffer, { port: number }]>;
    void fixed.ask({ address: '127.0.0.1', port: server.address().port }, 'a.test', 'A', 1, 100);
    expect((await asked)[1].port).toBe(port);
    fixed.close();
  });
});
