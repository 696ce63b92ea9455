/** Objects of our own: their names over losses, and the calls that others make. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Fault, type JsonObject, type Ubus, type UbusMethod } from '../../src/control/ports.ts';
import type { JsonTable } from '../../src/wire/blobmsg.ts';
import { addObject, invoke } from '../../src/wire/ubus-messages.ts';
import { decodeFrame, type Frame } from '../../src/wire/ubus.ts';
import { hexOf, type Recorded, recorded } from '../wire/recorded.ts';
import { until, ubusWorld } from './ubus-world.ts';

const world = ubusWorld();

const provider = recorded.filter(({ scenario, connection }) => scenario === 'provider' && connection === 1);
const echoPolicy = { msg: 'String', n: 'Integer', flag: 'Boolean', list: 'Array', tbl: 'Table' } as const;
const noArgs = {};

async function published(object: string, methods: Record<string, UbusMethod>): Promise<Ubus> {
  const ubus = world().connect();
  ubus.publish(object, methods);
  await until(object, () => world().ubusd.idOf(object) !== undefined);
  return ubus;
}

describe('an object of our own', () => {
  /** What ubusd sent for a method, and the frames that the recorded provider answered with. */
  function exchange(method: string): { request: Recorded | undefined; answers: string[] } {
    const isAsked = ({ bytes }: Recorded): boolean => decodeFrame(bytes).attrs.method === method;
    const request = provider.find((message) => message.fromUbusd && isAsked(message));
    const { peer } = decodeFrame(request?.bytes ?? new Uint8Array());
    const isAnswer = ({ bytes, fromUbusd }: Recorded): boolean => !fromUbusd && decodeFrame(bytes).peer === peer;
    return { request, answers: provider.filter(isAnswer).map(({ hex }) => hex) };
  }

  it('is published and answers with the recorded bytes', async () => {
    const added = provider.map(({ bytes }) => decodeFrame(bytes)).find(({ type }) => type === 'ADD_OBJECT');
    const answer = provider.map(({ bytes }) => decodeFrame(bytes)).find(({ attrs }) => attrs.objectType !== undefined);
    const id = answer?.attrs.objectId ?? 0;
    const { ubusd } = world();
    const listenerId = 7;
    ubusd.nextIds.push(listenerId, id);
    const seen: JsonObject[] = [];
    const info = (method: string): JsonObject => ({
      acl: { user: 'root', group: 'root', object: 'rntest' },
      object: { id, name: 'rntest' },
      method,
    });
    await published('rntest', {
      echo: {
        policy: echoPolicy,
        handler: (args) => {
          seen.push(args);
          return { got: args['msg'] ?? null, n: args['n'] ?? null, info: info('echo') };
        },
      },
      fail: { policy: noArgs, handler: () => 6 },
      bye: { policy: noArgs, handler: () => Promise.resolve({ ok: true }) },
    });
    const owner = ubusd.ownerOf('rntest');
    expect(owner?.received.map(({ frame }) => ({ ...frame, sequence: 1 }))).toContainEqual(added);
    for (const method of ['echo', 'fail', 'bye']) {
      const { request, answers } = exchange(method);
      const { peer } = decodeFrame(request?.bytes ?? new Uint8Array());
      const answered = (): string[] =>
        owner?.received.filter(({ frame }) => frame.peer === peer).map(({ bytes }) => hexOf(bytes)) ?? [];
      owner?.socket.write(request?.bytes ?? '');
      await until('an answer', () => answered().length === answers.length);
      expect([method, ...answered()]).toEqual([method, ...answers]);
    }
    expect(seen).toEqual([{ msg: 'hi', n: 7, flag: true, list: [1, 'a'], tbl: { k: 'v' } }]);
  });

  it('is published again when ubusd restarts', async () => {
    await published('object', { method: { policy: noArgs, handler: () => ({ ok: true }) } });
    const { ubusd, connect } = world();
    await ubusd.stop();
    await ubusd.start();
    await until('its return', () => ubusd.idOf('object') !== undefined);
    expect(await connect().call('object', 'method')).toEqual({ ok: true });
  });

  it('takes its name when who holds it goes', async () => {
    const { ubusd, connect, connectRaw, faults } = world();
    const holder = await connectRaw();
    await holder.own(
      'object',
      (sequence) => addObject(sequence, 'object', {}),
      1_000,
      () => undefined,
    );
    const heldBy = ubusd.ownerOf('object');
    connect().publish('object', { method: { policy: noArgs, handler: () => ({ ok: true }) } });
    await until('a refusal', () => faults.length === 1);
    expect(faults).toMatchObject([{ code: 'UBUS_INVALID_ARGUMENT', subject: 'object' }]);
    heldBy?.socket.destroy();
    await until('its name', () => ![undefined, heldBy].includes(ubusd.ownerOf('object')));
    expect(await connect().call('object', 'method')).toEqual({ ok: true });
    expect(faults).toHaveLength(1);
  });

  it('is published once', async () => {
    const ubus = await published('object', {});
    expect(() => ubus.publish('object', {})).toThrow('object: wanted a new object, got one that is published');
  });
});

describe('arguments', () => {
  let seen: JsonObject[] = [];
  let call: (args: JsonTable) => Promise<JsonObject>;
  beforeEach(async () => {
    seen = [];
    const handler = (args: JsonObject): JsonObject => {
      seen.push(args);
      return {};
    };
    await published('object', { method: { policy: echoPolicy, handler } });
    const client = world().connect();
    call = (args) => client.call('object', 'method', args);
  });

  it.each<[string, JsonTable, JsonTable]>([
    ['none', {}, {}],
    [
      'one of each type',
      { msg: '', n: -1, flag: false, list: [], tbl: {} },
      { msg: '', n: -1, flag: false, list: [], tbl: {} },
    ],
    ['one that is unknown, which is left out', { other: 1, n: 2 }, { n: 2 }],
    ['names of Object.prototype, which are unknown too', { constructor: 1, toString: 'x' }, {}],
    ['the session that rpcd adds', { ubus_rpc_session: '0'.repeat(32) }, { ubus_rpc_session: '0'.repeat(32) }],
  ])('are accepted: %s', async (_what, args, got) => {
    await call(args);
    expect(seen).toEqual([got]);
  });

  it.each<[string, JsonTable]>([
    ['a number for text', { msg: 1 }],
    ['text for a number', { n: '1' }],
    ['a fraction for an integer', { n: 1.5 }],
    ['an integer of 64 bits for one of 32', { n: 5_000_000_000 }],
    ['an integer for a boolean', { flag: 1 }],
    ['a table for an array', { list: {} }],
    ['an array for a table', { tbl: [] }],
    ['null', { msg: null }],
    ['a session that is not text', { ubus_rpc_session: 0 }],
  ])('are refused: %s', async (_what, args) => {
    await expect(call(args)).rejects.toMatchObject({ code: 'UBUS_INVALID_ARGUMENT' });
    expect(seen).toEqual([]);
  });

  it('are refused when one of two with the same name is of another type', async () => {
    const raw = await world().connectRaw();
    const objectId = world().ubusd.idOf('object') ?? 0;
    const build = (sequence: number): Frame => {
      const frame = invoke(sequence, objectId, 'method', { n: 'one' });
      const second = invoke(sequence, objectId, 'method', { n: 1 });
      return { ...frame, attrs: { ...frame.attrs, data: [...(frame.attrs.data ?? []), ...(second.attrs.data ?? [])] } };
    };
    expect(await raw.request('object', build, 1_000)).toMatchObject({ status: 2, objectId });
    expect(seen).toEqual([]);
  });
});

describe('a call from elsewhere', () => {
  const big = 'x'.repeat(1_100_000);
  const rows: [string, UbusMethod['handler'], string][] = [
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'broken',
    ],
    ['rejects', () => Promise.reject(new Fault('CODE', 'subject', 'rejected')), 'rejected'],
    [
      'throws no error',
      () => {
        throw 'text' as unknown;
      },
      'text',
    ],
    ['returns a status that is none', () => 14, 'wanted a status of 0 to 13, got 14'],
    ['returns no number', () => NaN, 'wanted a status of 0 to 13, got NaN'],
    ['answers more than ubus carries', () => ({ big }), 'wanted at most 1048576 bytes'],
  ];
  it.each(rows)('is answered UNKNOWN_ERROR, with a fault here, when the handler %s', async (_what, handler, wanted) => {
    await published('object', { method: { policy: noArgs, handler }, sound: { policy: noArgs, handler: () => 0 } });
    const { connect, faults } = world();
    const client = connect();
    await expect(client.call('object', 'method')).rejects.toMatchObject({ code: 'UBUS_UNKNOWN_ERROR' });
    expect(faults).toMatchObject([{ code: 'UBUS_UNKNOWN_ERROR', subject: 'object method' }]);
    expect(faults[0]?.message).toContain(wanted);
    expect(await client.call('object', 'sound')).toEqual({});
  });

  it.each(['other', 'constructor', '__proto__'])('is answered METHOD_NOT_FOUND for %s', async (method) => {
    await published('object', { method: { policy: noArgs, handler: () => 0 } });
    await expect(world().connect().call('object', method)).rejects.toMatchObject({ code: 'UBUS_METHOD_NOT_FOUND' });
  });

  it('is answered NOT_FOUND when its object is not ours', async () => {
    await published('object', {});
    const { ubusd } = world();
    const owner = ubusd.ownerOf('object');
    ubusd.send(owner, { ...invoke(9, 12_345, 'method', {}), peer: 77 });
    const answer = { type: 'STATUS', sequence: 9, peer: 77, attrs: { status: 4, objectId: 12_345 } };
    await until('an answer', () => owner?.received.some(({ frame }) => frame.sequence === 9) === true);
    expect(owner?.received.map(({ frame }) => frame)).toContainEqual(answer);
  });

  it('is carried out and not answered when nobody wants the answer', async () => {
    const handler = vi.fn(() => 0);
    await published('object', { method: { policy: noArgs, handler } });
    const { ubusd } = world();
    const owner = ubusd.ownerOf('object');
    const objectId = ubusd.idOf('object') ?? 0;
    const silent = invoke(9, objectId, 'method', {});
    ubusd.send(owner, { ...silent, attrs: { ...silent.attrs, noReply: true } });
    ubusd.send(owner, { ...silent, sequence: 10 });
    await until(
      'an answer',
      () => owner?.received.some(({ frame }) => frame.type === 'STATUS' && frame.sequence === 10) === true,
    );
    expect(handler).toHaveBeenCalledTimes(2);
    expect(owner?.received.filter(({ frame }) => frame.type === 'STATUS' && frame.sequence === 9)).toEqual([]);
  });
});
