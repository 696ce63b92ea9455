/** The connection: how it comes back, what it says of its losses, and that nothing of it stays. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Mood } from './fake-ubusd.ts';
import { until, ubusWorld } from './ubus-world.ts';

const world = ubusWorld();
/** Timers stand still, sockets do not. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

/** The next connection comes after exactly `delayMs`. */
async function expectRetryAfter(delayMs: number): Promise<void> {
  const { ubusd } = world();
  const before = ubusd.accepted;
  // The retry alone: the limit of the greeting is gone with the connection.
  await until('a loss and a retry', () => ubusd.clients.length === 0 && vi.getTimerCount() === 1);
  vi.advanceTimersByTime(delayMs - 1);
  await sleep(20);
  expect(ubusd.accepted).toBe(before);
  vi.advanceTimersByTime(1);
  await until('a connection', () => ubusd.accepted === before + 1);
}

async function untilUp(): Promise<void> {
  const { ubusd } = world();
  await until('a registration', () => ubusd.sent(({ attrs }) => attrs.method === 'register').length === 1);
  await until('no timer', () => vi.getTimerCount() === 0);
}

describe('the connection', () => {
  it('waits twice as long after each failure, 5 s at most, and starts over once all went well', async () => {
    const { ubusd, connect } = world();
    ubusd.mood = 'hangs up after the greeting';
    connect();
    await until('a first connection', () => ubusd.accepted === 1);
    for (const delayMs of [100, 200, 400, 800, 1_600, 3_200, 5_000]) await expectRetryAfter(delayMs);
    ubusd.mood = 'works';
    await expectRetryAfter(5_000);
    await untilUp();
    ubusd.hangUp();
    await expectRetryAfter(100);
  });

  it('is said to be lost once, however many attempts fail, and again at the next loss', async () => {
    const { ubusd, connect, faults } = world();
    connect();
    await untilUp();
    expect(faults).toEqual([]);
    ubusd.mood = 'hangs up after the greeting';
    ubusd.hangUp();
    await expectRetryAfter(100);
    await expectRetryAfter(200);
    expect(faults).toMatchObject([{ code: 'UBUS_CONNECTION_FAILED', subject: ubusd.path }]);
    ubusd.mood = 'works';
    await expectRetryAfter(400);
    await untilUp();
    ubusd.hangUp();
    await until('a fault', () => faults.length === 2);
  });

  it.each<[string, Mood, string]>([
    ['does not greet', 'greets no one', 'wanted HELLO within 5000 ms, got none'],
    ['greets and then says nothing', 'answers no one', 'wanted a status within 5000 ms, got none'],
  ])('is given up after 5 s when ubusd %s', async (_what, mood, wanted) => {
    const { ubusd, connect, faults } = world();
    ubusd.mood = mood;
    connect();
    await until('the wait', () => ubusd.clients.length === 1);
    if (mood === 'answers no one') await until('a question', () => ubusd.sent(() => true).length === 1);
    vi.advanceTimersByTime(4_999);
    await sleep(20);
    expect(ubusd.clients).toHaveLength(1);
    vi.advanceTimersByTime(1);
    await until('the end', () => ubusd.clients.length === 0);
    expect(faults.map(({ message }) => message).join()).toContain(wanted);
  });

  it.each([
    ['as long as for the answer', undefined, 60_000],
    ['no longer than was said', 5_000, 5_000],
  ])('that does not come is waited for %s', async (_what, connectMs, waitMs) => {
    const { ubusd, connect } = world();
    await ubusd.stop();
    let fault: unknown;
    connect(connectMs)
      .call('object', 'method', {}, 60_000)
      .catch((error: unknown) => (fault = error));
    vi.advanceTimersByTime(waitMs - 1);
    await sleep(20);
    expect(fault).toBeUndefined();
    vi.advanceTimersByTime(1);
    await until('the end', () => fault !== undefined);
    const message = expect.stringContaining(`wanted a connection to ubusd within ${waitMs} ms`) as string;
    expect(fault).toMatchObject({ code: 'UBUS_TIMEOUT', message });
  });

  it('once there leaves a call the time that it was given', async () => {
    const { ubusd, connect } = world();
    const ubus = connect(5_000);
    await untilUp();
    ubusd.mood = 'answers no one';
    let fault: unknown;
    ubus.call('object', 'method', {}, 60_000).catch((error: unknown) => (fault = error));
    await until('a question', () => vi.getTimerCount() === 1);
    vi.advanceTimersByTime(59_000);
    await sleep(20);
    expect(fault).toBeUndefined();
    vi.advanceTimersByTime(1_000);
    await until('the end', () => fault !== undefined);
    expect(fault).toMatchObject({ code: 'UBUS_TIMEOUT' });
  });

  it('is given up at bytes that are no frame', async () => {
    const { ubusd, connect, faults } = world();
    connect();
    await untilUp();
    ubusd.clients[0]?.socket.write(Buffer.alloc(12, 0xff));
    await expectRetryAfter(100);
    expect(faults[0]?.message).toContain('version: wanted 0 at byte 0, got 255');
  });

  it.each<[string, Mood, () => Promise<void>]>([
    ['ubusd does not answer', 'answers no one', () => until('it', () => world().ubusd.sent(() => true).length > 0)],
    ['ubusd does not greet', 'greets no one', () => until('it', () => world().ubusd.accepted === 1)],
    ['ubusd is away', 'works', () => world().ubusd.stop()],
    ['it is up', 'works', () => untilUp()],
  ])('leaves no timer and no attempt behind when it is closed while %s', async (_what, mood, prepare) => {
    const { ubusd, connect } = world();
    ubusd.mood = mood;
    const ubus = connect();
    ubus.subscribe('object', () => undefined);
    ubus.publish('mine', {});
    await prepare();
    ubusd.mood = 'answers no one';
    const call = ubus.call('object', 'method');
    const isRefused = expect(call).rejects.toMatchObject({ code: 'UBUS_CONNECTION_FAILED' });
    await sleep(20);
    ubus.close();
    ubus.close();
    await isRefused;
    expect(vi.getTimerCount()).toBe(0);
    await until('the end', () => ubusd.clients.length === 0);
  });

  it('does nothing any more once it is closed', async () => {
    const { connect } = world();
    const ubus = connect();
    ubus.close();
    const closed = { code: 'UBUS_CONNECTION_FAILED', message: expect.stringContaining('this side closed') };
    await expect(ubus.call('object', 'method')).rejects.toMatchObject(closed);
    expect(() => ubus.publish('object', {})).toThrow('this side closed');
    expect(() => ubus.subscribe('object', () => undefined)).toThrow('this side closed');
  });
});
