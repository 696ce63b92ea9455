import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/control/ports.ts';
import { connectBroker, matches } from '../../src/drivers/mqtt.ts';
import { answer5, connected, kept, pause, soon, startAedes, startFake, watch, watched } from './brokers.ts';

describe('a broker of MQTT 3.1.1', () => {
  it('hands over what was retained before and what is published after, byte for byte', async () => {
    const broker = await kept(startAedes());
    await broker.retain('net/map', 'first');
    const driver = watched({ url: broker.url });
    driver.broker.subscribe(['net/map']);
    await soon(() => expect(driver.messages).toEqual([['net/map', 'first']]));
    await broker.retain('net/map', '\u0000\u00ff\n');
    await broker.retain('net/map', '');
    await soon(() => expect(driver.messages).toHaveLength(3));
    expect(driver.raw[1]?.payload).toEqual(new Uint8Array([0, 0xc3, 0xbf, 10]));
    expect(driver.raw[2]?.payload).toEqual(new Uint8Array());
  });

  it('is asked with 5 first and with 3.1.1 at once after it refused', async () => {
    const broker = await kept(startAedes());
    const driver = watched({ url: broker.url }, { baseMs: 60_000, random: () => 0.99 });
    await connected(driver);
    expect(broker.connectionsAtMs).toHaveLength(2);
    broker.cut();
    await soon(() => expect(driver.broker.state().connected).toBe(false));
    expect(driver.broker.state().lastError).toBe('the broker closed the connection');
  });

  it('gets what was published while it was away, only the newest of each topic, retained', async () => {
    const broker = await kept(startAedes());
    const driver = watched({ url: broker.url });
    for (const [topic, text] of [
      ['node/status', 'old'],
      ['node/hint', 'hint'],
      ['node/status', 'new'],
    ] as const) {
      driver.broker.publish({ topic, payload: Buffer.from(text) });
    }
    await soon(() =>
      expect(broker.published).toEqual([
        ['node/status', 'new', true],
        ['node/hint', 'hint', true],
      ]),
    );
    driver.broker.publish({ topic: 'node/status', payload: new Uint8Array() });
    await soon(() => expect(broker.published).toHaveLength(3));
    expect(broker.published[2]).toEqual(['node/status', '', true]);
  });

  it('is reached again after its restart, and asked for everything again', async () => {
    const first = await startAedes();
    const driver = watched({ url: first.url });
    driver.broker.subscribe(['a', 'b/#', 'c']);
    driver.broker.unsubscribe(['c']);
    await connected(driver);
    await first.stop();
    await soon(() => expect(driver.broker.state().connected).toBe(false));
    driver.broker.publish({ topic: 'mine', payload: Buffer.from('while away') });
    await pause(100);
    const second = await kept(startAedes(first.port));
    await connected(driver);
    for (const topic of ['a', 'b', 'b/x/y', 'c', 'd']) await second.retain(topic, 'x');
    await soon(() => expect(driver.messages.map(([topic]) => topic)).toEqual(['a', 'b', 'b/x/y']));
    expect(second.published).toContainEqual(['mine', 'while away', true]);
  });

  it('is no longer heard on a topic after unsubscribe, and still on the others', async () => {
    const broker = await kept(startAedes());
    const driver = watched({ url: broker.url });
    driver.broker.subscribe(['a', 'b']);
    await connected(driver);
    driver.broker.unsubscribe(['a']);
    await pause(50);
    await broker.retain('a', 'x');
    await broker.retain('b', 'x');
    await soon(() => expect(driver.messages).toEqual([['b', 'x']]));
  });

  it('is sent again what it had not acknowledged when the connection broke', async () => {
    const broker = await kept(startAedes());
    const driver = watched({ url: broker.url });
    await connected(driver);
    broker.aedes.authorizePublish = (): void => broker.cut();
    driver.broker.publish({ topic: 'mine', payload: Buffer.from('late') });
    await soon(() => expect(driver.broker.state().connected).toBe(false));
    broker.aedes.authorizePublish = (_client, _packet, done): void => done(null);
    await soon(() => expect(broker.published).toEqual([['mine', 'late', true]]));
  });

  it('says with the will that the connection was lost, and keeps it after a goodbye', async () => {
    const broker = await kept(startAedes());
    const will = { topic: 'node/status', payload: Buffer.from('gone') };
    const driver = watched({ url: broker.url, will });
    await connected(driver);
    broker.cut();
    await soon(() => expect(broker.published).toEqual([['node/status', 'gone', true]]));
    await connected(driver);
    driver.broker.publish({ topic: 'node/status', payload: Buffer.from('stopped') });
    const closing = driver.broker.close();
    driver.broker.publish({ topic: 'node/hint', payload: Buffer.from('too late') });
    driver.broker.subscribe(['x']);
    driver.broker.unsubscribe(['x']);
    await closing;
    await driver.broker.close();
    await pause(50);
    expect(broker.published.slice(1)).toEqual([['node/status', 'stopped', true]]);
    expect(broker.aedes.connectedClients).toBe(0);
    expect(driver.broker.state().connected).toBe(false);
  });

  it('that refuses a subscription is told in lastError, and the connection stays', async () => {
    const broker = await kept(startAedes());
    broker.aedes.authorizeSubscribe = (_client, subscription, done) =>
      done(null, subscription.topic === 'no' ? null : subscription);
    const driver = watched({ url: broker.url });
    driver.broker.subscribe(['no']);
    await connected(driver);
    await soon(() => expect(driver.broker.state().lastError).toMatch(/subscri|suback/i));
    expect(driver.broker.state().connected).toBe(true);
  });

  it('that refuses the password is told in lastError and retried ever more slowly', async () => {
    const broker = await kept(startAedes());
    broker.aedes.authenticate = (_client, _name, _password, done): void => done(null, false);
    const driver = watched({ url: broker.url, username: 'r', password: 'wrong' }, { baseMs: 25, random: () => 0.99 });
    await pause(700);
    expect(driver.broker.state()).toMatchObject({ connected: false, lastError: 'Connection refused: Not authorized' });
    // One refusal of the version, then attempts at 0, 25, 75, 175 and 375 ms.
    expect(broker.connectionsAtMs.length).toBeGreaterThanOrEqual(4);
    expect(broker.connectionsAtMs.length).toBeLessThanOrEqual(6);
  });
});

describe('the settings', () => {
  const refused: readonly [sentence: string, url: string, wanted: RegExp][] = [
    ['no URL', 'broker.example', /wanted mqtt:\/\/host/],
    ['no host', 'mqtt://', /wanted a host, got none|got what is no URL/],
    ['no host before the port', 'mqtt:1883', /wanted a host, got none/],
    ['a web socket', 'wss://broker.example', /wanted the scheme mqtt: or mqtts:, got wss:/],
    ['a path', 'mqtts://broker.example/mqtt', /wanted nothing after the host and the port, got \/mqtt/],
    ['a query', 'mqtts://broker.example?a', /got \?a/],
    ['a password', 'mqtts://me:secret@broker.example', /wanted no credentials in it, got some before an @/],
    ['port 0', 'mqtt://broker.example:0', /wanted a port of 1 to 65535, got 0/],
    ['a port over 65535', 'mqtt://broker.example:65536', /got what is no URL/],
    ['a host that is none', 'mqtt://bro%20ker', /wanted a host name or an address, got bro%20ker/],
  ];
  it.each(refused)('refuse a URL with %s and do not repeat a password', (_sentence, url, wanted) => {
    let fault: unknown;
    try {
      watch({ url });
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(Fault);
    expect(fault).toMatchObject({ code: 'BROKER_URL', message: expect.stringMatching(wanted) });
    expect(String(fault)).not.toContain('secret');
  });

  it('accept names and both kinds of addresses, with and without a port', async () => {
    for (const url of ['mqtt://localhost', 'mqtts://a-b.example.:8883', 'mqtt://127.0.0.1:1', 'mqtt://[::1]:1']) {
      await watch({ url }, { random: () => 0.99, baseMs: 60_000 }).broker.close();
    }
  });

  it('refuse certificates that would not be used or cannot be', () => {
    expect(() => watch({ url: 'mqtt://a', ca: 'x' })).toThrow(/wanted mqtts:\/\/ because certificates are given/);
    expect(() => watch({ url: 'mqtts://a', cert: 'x' })).toThrow(/wanted a certificate and its key, got only a cert/);
    expect(() => watch({ url: 'mqtts://a', cert: 'x', key: 'y' })).toThrow(/wanted certificates and a key in PEM, got/);
  });

  it('name what could not be reached', async () => {
    const driver = watched({ url: 'mqtt://127.0.0.1:1' });
    await soon(() => expect(driver.broker.state().lastError).toContain('ECONNREFUSED 127.0.0.1:1'));
  });

  it('refuse topics that would break each connection', () => {
    const driver = watched({ url: 'mqtt://127.0.0.1:1' });
    for (const topic of ['', 'a/#/b', 'a#', 'a+/b', 'a\0b', 'x'.repeat(513)]) {
      expect(() => driver.broker.subscribe(['fine', topic]), topic).toThrow(/^topic: wanted .*, got "/);
    }
    for (const topic of ['', 'a/+', '#', 'a\0b', 'x'.repeat(513)]) {
      expect(() => driver.broker.publish({ topic, payload: new Uint8Array() }), topic).toThrow(/^topic: wanted /);
      const will = { topic, payload: new Uint8Array() };
      expect(() => watch({ url: 'mqtt://127.0.0.1:1', will }), topic).toThrow(/^topic: wanted /);
    }
    driver.broker.subscribe(['#', '+', 'a/+/b', 'a/#', '/', 'x'.repeat(512)]);
  });
});

describe('whether a topic is on a filter', () => {
  const rows: readonly [filter: string, topic: string, matched: boolean][] = [
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/+', 'a/b/c', false],
    ['+/b', 'a/b', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['#', 'a/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
  ];
  it.each(rows)('%s against %s: %s', (filter, topic, matched) => expect(matches(filter, topic)).toBe(matched));
});

it('is made by one function, whose port has five verbs', async () => {
  const fake = await kept(startFake(answer5));
  const settings = { url: fake.url, clientId: 'c', maxMessageBytes: 100 };
  const broker = connectBroker({ settings, onMessage: () => undefined, onState: () => undefined });
  await soon(() => expect(broker.state()).toEqual({ connected: true, dropped: 0, receivedBytes: 5 }));
  await broker.close();
});
