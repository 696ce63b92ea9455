/** Calls, and the connection under them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { addListener, addObject, replyData, replyStatus } from '../../src/wire/ubus-messages.ts';
import { decodeFrame, type Frame } from '../../src/wire/ubus.ts';
import { recorded } from '../wire/recorded.ts';
import type { Mood } from './fake-ubusd.ts';
import { until, ubusWorld } from './ubus-world.ts';

const world = ubusWorld();

const anyArgs = { policy: {} };
const isLookup = ({ type }: Frame): boolean => type === 'LOOKUP';

function setMood(mood: Mood): Promise<void> {
  world().ubusd.mood = mood;
  return Promise.resolve();
}

/** A provider with one object, whose method answers as told. */
function provide(handler: () => Promise<number> | number | { readonly [key: string]: number }): Promise<void> {
  world()
    .connect()
    .publish('object', { method: { ...anyArgs, handler } });
  return until('the object', () => world().ubusd.idOf('object') !== undefined);
}

describe('calls', () => {
  it('ask and are answered as `ubus call system board` was', async () => {
    const board = recorded
      .filter(({ scenario }) => scenario === 'invoke_system_board')
      .map(({ bytes }) => decodeFrame(bytes));
    const [request] = board.filter(({ type }) => type === 'INVOKE');
    const answers = board.filter(({ sequence }) => sequence === 2 && sequence === request?.sequence);
    const id = request?.attrs.objectId ?? 0;
    const { ubusd, connect, connectRaw } = world();
    ubusd.nextIds.push(id);
    const provider = await connectRaw();
    const answer = ({ sequence, peer }: Frame): void =>
      answers.filter(({ type }) => type !== 'INVOKE').forEach((frame) => provider.send({ ...frame, sequence, peer }));
    await provider.own('system', (sequence) => addObject(sequence, 'system', { board: {} }), 1_000, answer);

    expect(await connect().call('system', 'board')).toMatchObject({
      hostname: 'OpenWrt',
      board_name: 'qemu-standard-pc-i440fx-piix-1996',
    });
    const asked = ubusd.sent(({ attrs }) => attrs.method === 'board');
    expect(asked.map((frame) => ({ ...frame, sequence: 2 }))).toEqual([request]);
  });

  it('carry arguments there and an answer back, of every type', async () => {
    const value = {
      text: 'ü',
      whole: -3,
      large: 5_000_000_000,
      part: 1.5,
      yes: true,
      none: null,
      list: ['a', { b: 1 }],
    };
    const { connect } = world();
    const policy = { table: 'Table' } as const;
    connect().publish('object', { echo: { policy, handler: (args) => ({ got: args['table'] ?? null }) } });
    await until('the object', () => world().ubusd.idOf('object') !== undefined);
    expect(await connect().call('object', 'echo', { table: value })).toEqual({ got: value });
  });

  it('take an answer without data for the empty object', async () => {
    await provide(() => 0);
    expect(await world().connect().call('object', 'method')).toEqual({});
  });

  it.each([
    ['an object that is not there', 'elsewhere', 'method', 'UBUS_NOT_FOUND', 'got 4 NOT_FOUND'],
    ['a method that is not there', 'object', 'other', 'UBUS_METHOD_NOT_FOUND', 'got 3 METHOD_NOT_FOUND'],
    ['a status of the method', 'object', 'method', 'UBUS_PERMISSION_DENIED', 'got 6 PERMISSION_DENIED'],
  ])('throw for %s', async (_what, object, method, code, got) => {
    await provide(() => 6);
    const call = world().connect().call(object, method);
    await expect(call).rejects.toMatchObject({
      code,
      subject: `${object} ${method}`,
      message: expect.stringContaining(got),
    });
  });

  it('throw for arguments that have no bytes, and send none', async () => {
    await provide(() => 0);
    const call = world().connect().call('object', 'method', { text: '\ud800' });
    await expect(call).rejects.toMatchObject({ code: 'UBUS_INVALID_ARGUMENT' });
    expect(world().ubusd.sent(({ attrs }) => attrs.method === 'method')).toEqual([]);
  });

  it('throw for an answer that cannot be read', async () => {
    const provider = await world().connectRaw();
    const unreadable = Buffer.from('00020000000000000000001803000008000000000700000c8300000800016100', 'hex');
    const answer = ({ sequence, peer, attrs }: Frame): void => {
      const status = replyStatus({ type: 'INVOKE', sequence, peer }, 'OK', attrs.objectId);
      const data = replyData(status, attrs.objectId ?? 0, { text: 'x' });
      // A status must follow in any case: the unreadable answer has to be what ends the call.
      const client = world().ubusd.clients.find(({ id }) => id === peer);
      unreadable.writeUInt16BE(sequence, 2);
      unreadable.writeUInt32BE(attrs.objectId ?? 0, 4);
      client?.socket.write(unreadable);
      provider.send(data);
      provider.send(status);
    };
    await provider.own('object', (sequence) => addObject(sequence, 'object', {}), 1_000, answer);
    await expect(world().connect().call('object', 'method')).rejects.toMatchObject({
      code: 'UBUS_PARSE_ERROR',
      message: expect.stringContaining('string: wanted a NUL'),
    });
  });

  it('throw for an answer without end', async () => {
    const provider = await world().connectRaw();
    const answer = (request: Frame): void => {
      const { objectId = 0 } = request.attrs;
      for (let part = 1; part <= 17; part++) provider.send(replyData(request, objectId, { part }));
    };
    await provider.own('object', (sequence) => addObject(sequence, 'object', {}), 1_000, answer);
    const wanted = { code: 'UBUS_PARSE_ERROR', message: expect.stringContaining('at most 16 DATA frames') };
    await expect(world().connect().call('object', 'method')).rejects.toMatchObject(wanted);
  });

  it('pass over what another object answers', async () => {
    const { ubusd, connect, connectRaw } = world();
    const provider = await connectRaw();
    const answer = (request: Frame): void => {
      const caller = ubusd.clients.find(({ id }) => id === request.peer);
      ubusd.send(caller, replyStatus({ ...request, peer: 12_345 }, 'PERMISSION_DENIED', 12_345));
      provider.send(replyStatus(request, 'OK', request.attrs.objectId));
    };
    await provider.own('object', (sequence) => addObject(sequence, 'object', {}), 1_000, answer);
    expect(await connect().call('object', 'method')).toEqual({});
  });

  it('look an object up once, and once more when ubusd does not know its id any more', async () => {
    const { ubusd, connect, connectRaw } = world();
    const provider = await connectRaw();
    const answer = (request: Frame): void => provider.send(replyStatus(request, 'OK', request.attrs.objectId));
    await provider.own('object', (sequence) => addObject(sequence, 'object', {}), 1_000, answer);
    const otherId = await provider.own('other', addListener, 1_000, answer);
    const client = connect();
    await client.call('object', 'method');
    await client.call('object', 'method');
    expect(ubusd.sent(isLookup)).toHaveLength(1);
    ubusd.repointInSilence('object', otherId);
    expect(await client.call('object', 'method')).toEqual({});
    expect(ubusd.sent(isLookup)).toHaveLength(2);
    const asked = ubusd.ownerOf('object')?.received.filter(({ frame }) => frame.type === 'STATUS');
    expect(asked?.map(({ frame }) => frame.attrs.objectId === otherId)).toEqual([false, false, true]);
  });

  it('find an object again whose owner restarted', async () => {
    await provide(() => ({ life: 1 }));
    const { connect, ubusd } = world();
    const client = connect();
    expect(await client.call('object', 'method')).toEqual({ life: 1 });
    ubusd.ownerOf('object')?.socket.destroy();
    await until('its loss', () => ubusd.idOf('object') === undefined);
    await until('its return', () => ubusd.idOf('object') !== undefined);
    expect(await client.call('object', 'method')).toEqual({ life: 1 });
  });

  it('are not repeated when it is the object that finds nothing', async () => {
    const handler = vi.fn(() => 4);
    await provide(handler);
    const client = world().connect();
    for (const times of [1, 2]) {
      await expect(client.call('object', 'method')).rejects.toMatchObject({ code: 'UBUS_NOT_FOUND' });
      expect(handler).toHaveBeenCalledTimes(times);
    }
  });

  it('wait for a ubusd that starts later', async () => {
    await world().ubusd.stop();
    const call = world().connect().call('object', 'method');
    await sleep(50);
    await world().ubusd.start();
    await expect(call).rejects.toMatchObject({ code: 'UBUS_NOT_FOUND' });
  });

  it.each([
    ['there is no ubusd', 'a connection to ubusd within 80 ms, got none: ', () => world().ubusd.stop()],
    ['ubusd does not greet', 'a connection to ubusd within 80 ms, got none', () => setMood('greets no one')],
    ['ubusd does not answer', 'a status within', () => setMood('answers no one')],
    ['the method does not answer', 'a status within', () => provide(() => new Promise(() => undefined))],
  ])('give up in time when %s', async (_what, wanted, prepare) => {
    await prepare();
    const startMs = performance.now();
    const call = world().connect().call('object', 'method', {}, 80);
    await expect(call).rejects.toMatchObject({ code: 'UBUS_TIMEOUT', message: expect.stringContaining(wanted) });
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it('fail when the connection breaks under them, and are not sent again', async () => {
    const handler = vi.fn(() => new Promise<number>(() => undefined));
    await provide(handler);
    const { connect, ubusd } = world();
    const call = connect().call('object', 'method');
    call.catch(() => undefined);
    await until('the call', () => handler.mock.calls.length === 1);
    ubusd.hangUp();
    await expect(call).rejects.toMatchObject({ code: 'UBUS_CONNECTION_FAILED', subject: 'object method' });
    await until('both again', () => ubusd.clients.length === 2 && ubusd.idOf('object') !== undefined);
    await sleep(50);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('fail when their object goes under them, without waiting for the limit', async () => {
    const handler = vi.fn(() => new Promise<number>(() => undefined));
    await provide(handler);
    const { connect, ubusd } = world();
    const call = connect().call('object', 'method');
    call.catch(() => undefined);
    await until('the call', () => handler.mock.calls.length === 1);
    ubusd.ownerOf('object')?.socket.destroy();
    await expect(call).rejects.toMatchObject({
      code: 'UBUS_CONNECTION_FAILED',
      message: expect.stringMatching(/end of its object/),
    });
  });
});
