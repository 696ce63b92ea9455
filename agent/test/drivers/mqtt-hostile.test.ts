import { describe, expect, it } from 'vitest';
import {
  answer5,
  connack5,
  connected,
  kept,
  packet,
  pause,
  publish5,
  soon,
  startAedes,
  startFake,
  watched,
} from './brokers.ts';

describe('a message that is too large', () => {
  const topic = 'net/map';

  it('is cut off at 3.1.1 before it was read, and the topic is heard again when a smaller one replaced it', async () => {
    const broker = await kept(startAedes());
    const driver = watched({ url: broker.url });
    driver.broker.subscribe([topic]);
    await connected(driver);
    await broker.retain(topic, 'small');
    await soon(() => expect(driver.messages).toEqual([[topic, 'small']]));
    await broker.retain(topic, 'x'.repeat(500_000));
    await soon(() => expect(driver.broker.state().dropped).toBeGreaterThan(0));
    expect(driver.states.map(({ lastError }) => lastError)).toContainEqual(
      expect.stringMatching(/^wanted a packet of at most 3024 bytes, got at least \d+$/),
    );
    await broker.retain(topic, 'small again');
    await soon(() => expect(driver.messages.at(-1)).toEqual([topic, 'small again']));
    expect(new Set(driver.messages.map(([, text]) => text))).toEqual(new Set(['small', 'small again']));
  });

  it('does not make a fast loop, however many of them are retained', async () => {
    const broker = await kept(startAedes());
    for (let at = 0; at < 30; at += 1) await broker.retain(`part/${at}`, 'x'.repeat(5_000));
    const driver = watched({ url: broker.url }, { baseMs: 25, random: () => 0.99 });
    driver.broker.subscribe(['part/#']);
    await pause(1_000);
    // Connections at 0, 25, 75, 175, 375 and 775 ms, and the one that refused MQTT 5.
    expect(driver.broker.state().dropped).toBeGreaterThanOrEqual(3);
    expect(broker.connectionsAtMs.length).toBeLessThanOrEqual(7);
    expect(driver.messages).toEqual([]);
  });

  it('is forbidden to a broker of MQTT 5, and cut off if it comes all the same', async () => {
    const hellos: Buffer[] = [];
    const fake = await kept(
      startFake((chunk) => {
        if (chunk[0] === 0x10) hellos.push(chunk);
        const answer = answer5(chunk);
        return chunk[0] !== 0x82 || answer === undefined
          ? answer
          : Buffer.concat([answer, publish5(topic, 'small'), publish5(topic, 'x'.repeat(3_100))]);
      }),
    );
    const driver = watched({ url: fake.url }, { random: () => 0.99 });
    driver.broker.subscribe([topic]);
    await soon(() => expect(driver.broker.state().dropped).toBe(2));
    expect(driver.messages.slice(0, 2)).toEqual([
      [topic, 'small'],
      [topic, 'small'],
    ]);
    // Property 39, Maximum Packet Size: 2000 of the message and 1024 around it.
    expect(hellos[0]?.includes(Buffer.from([39, 0, 0, 0x0b, 0xd0]))).toBe(true);
  });

  it('is dropped alone when it is within what the topic may take, and the largest allowed is not', async () => {
    const fake = await kept(
      startFake((chunk) =>
        chunk[0] === 0x82
          ? Buffer.concat([2_000, 2_001, 1].map((bytes) => publish5(topic, 'x'.repeat(bytes))))
          : answer5(chunk),
      ),
    );
    const driver = watched({ url: fake.url });
    driver.broker.subscribe([topic]);
    await soon(() => expect(driver.messages).toHaveLength(2));
    expect(driver.messages.map(([, text]) => text.length)).toEqual([2_000, 1]);
    expect(driver.broker.state()).toMatchObject({ connected: true, dropped: 1 });
    expect(driver.broker.state().receivedBytes).toBeGreaterThan(4_000);
    expect(fake.connectionsAtMs).toHaveLength(1);
  });
});

describe('a broker that sends what it should not', () => {
  it('is not heard on topics that nobody asked for', async () => {
    const unasked = ['other', 'net', 'net/map/x', 'net/+', '$SYS/x', ''].map((topic) => publish5(topic, 'unasked'));
    const fake = await kept(
      startFake((chunk) =>
        chunk[0] === 0x82 ? Buffer.concat([...unasked, publish5('net/map', 'asked')]) : answer5(chunk),
      ),
    );
    const driver = watched({ url: fake.url });
    driver.broker.subscribe(['net/+']);
    await soon(() => expect(driver.messages).toEqual([['net/map', 'asked']]));
  });

  const garbage: readonly [sentence: string, bytes: Uint8Array, lastError: RegExp][] = [
    ['text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /./],
    ['a length that never ends', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]), /wanted a packet of at most 3024/],
    ['a length of five bytes', Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0]), /wanted a length of at most 4 bytes/],
    ['a packet of a reserved type', packet(0x00, [1, 2]), /Not supported/],
    ['a delivery of QoS 2', Buffer.concat([connack5, packet(0x34, [0, 1, 97, 0, 1, 0])]), /QoS 0 or 1, got QoS 2/],
    ['a second CONNACK', Buffer.concat([connack5, connack5]), /duplicate CONNACK/],
    ['a DISCONNECT', Buffer.concat([connack5, packet(0xe0, [0x8b, 0])]), /ended the session with reason 139/],
    ['a keepalive cut short, at which the client throws', packet(0x20, [0, 0, 1, 0x13]), /Keepalive value/],
    ['the same behind another packet', Buffer.concat([packet(0xd0, []), packet(0x20, [0, 0, 1, 0x13])]), /Keepalive/],
    ['a goodbye instead of an answer', Buffer.from([]), /closed the connection/],
  ];
  it.each(garbage)('breaks with %s only its own connection', async (_sentence, bytes, lastError) => {
    let connections = 0;
    const fake = await kept(
      startFake((chunk, socket) => {
        if (chunk[0] === 0x10) connections += 1;
        if (connections > 1) return answer5(chunk);
        if (bytes.length === 0) socket.destroy();
        return bytes;
      }),
    );
    const driver = watched({ url: fake.url });
    await soon(() => expect(driver.states.some((state) => lastError.test(state.lastError ?? ''))).toBe(true));
    await connected(driver);
    expect(driver.broker.state()).not.toHaveProperty('lastError');
  });

  it('breaks nothing else with any of 400 broken conversations', async () => {
    const good = Buffer.concat([
      packet(0x20, [0, 0, 13, 0x13, 0, 30, 0x22, 0, 5, 0x21, 0, 20, 0x27, 0, 0, 9, 9]),
      packet(0x90, [0, 1, 0, 1]),
      publish5('net/map', 'text'),
      packet(0x32, [0, 1, 97, 0, 7, 3, 0x23, 0, 1, 98]),
      packet(0x40, [0, 1, 0x10, 0]),
      packet(0xf0, [0x18, 0]),
      packet(0xe0, [0x8b, 4, 0x1f, 0, 1, 97]),
    ]);
    const total = 400;
    let seed = 1;
    const draw = (below: number): number => {
      seed = (seed * 48_271) % 0x7fffffff;
      return seed % below;
    };
    let connections = 0;
    const fake = await kept(
      startFake((chunk, socket) => {
        if (chunk[0] === 0x10) connections += 1;
        if (connections > total) return answer5(chunk);
        if (chunk[0] !== 0x10) return undefined;
        const bytes = Buffer.from(good);
        for (let changes = draw(4); changes >= 0; changes -= 1) bytes[draw(bytes.length)] = draw(256);
        socket.end(bytes.subarray(0, draw(3) === 0 ? draw(bytes.length) : bytes.length));
        return undefined;
      }),
    );
    const driver = watched({ url: fake.url }, { random: () => 0 });
    driver.broker.subscribe(['net/map', 'a']);
    driver.broker.publish({ topic: 'mine', payload: Buffer.from('x') });
    await soon(() => expect(connections).toBeGreaterThan(total), 30_000);
    await connected(driver);
  });

  it('refuses both versions for ever and is retried ever more slowly', async () => {
    const fake = await kept(startFake((chunk) => packet(0x20, chunk.includes('MQTT\u0005') ? [0, 132, 0] : [0, 1])));
    watched({ url: fake.url }, { baseMs: 50, random: () => 0.99 });
    await pause(500);
    // Pairs of attempts at 0, 50, 150 and 350 ms.
    expect(fake.connectionsAtMs.length).toBeGreaterThanOrEqual(4);
    expect(fake.connectionsAtMs.length).toBeLessThanOrEqual(8);
  });

  it('accepts and hangs up each time: only a connection that lived long enough ends the series of delays', async () => {
    const gaps = async (stableMs: number): Promise<number> => {
      const fake = await kept(
        startFake((chunk, socket) => {
          setTimeout(() => socket.destroy(), 20);
          return answer5(chunk);
        }),
      );
      watched({ url: fake.url }, { baseMs: 30, stableMs, random: () => 0.99 });
      await pause(900);
      return fake.connectionsAtMs.length;
    };
    const [unstable, stable] = await Promise.all([gaps(60_000), gaps(1)]);
    expect(unstable).toBeLessThanOrEqual(6);
    expect(stable).toBeGreaterThanOrEqual(9);
  });
});
