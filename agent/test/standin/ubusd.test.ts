/**
 * The stand-in of ubusd replays the recorded conversations with the real one.
 * In: agent/test/vectors/ubus-wire.json. Out: every frame of ubusd compared: type, sequence, attributes in their order,
 * statuses; ids, which are random, must agree with themselves.
 */
import { connect, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BusClient } from '../../../qemu-test/standin/bus/client.ts';
import { fieldsToJson, jsonToFields } from '../../src/wire/blobmsg.ts';
import { frameStream } from '../../src/wire/ubus-stream.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../src/wire/ubus.ts';
import { recorded } from '../wire/recorded.ts';
import { openWorld, until, type World } from './world.ts';

const interfaces = ['lan', 'loopback', 'wan', 'wan6'];
const network = interfaces.map((name) => `config interface '${name}'\n\toption auto '0'\n`).join('');

let world: World;
let bus: BusClient;
beforeAll(async () => {
  world = await openWorld({ network, system: '' });
  bus = await world.connect();
  await bus.call('network', 'reload');
});
afterAll(() => world.close());

interface Connection {
  readonly socket: Socket;
  readonly frames: Frame[];
}

function open(): Connection {
  const frames: Frame[] = [];
  const stream = frameStream();
  const socket = connect(world.places.socket);
  socket.on('data', (chunk) => frames.push(...stream.push(chunk).map(decodeFrame)));
  return { socket, frames };
}

/** Ids of the recording to ids of now. */
class Ids {
  readonly #now = new Map<number, number>();

  learn(then: number | undefined, now: number | undefined): void {
    if (then === undefined || now === undefined || then < 1024) return;
    expect(this.#now.get(then) ?? now).toBe(now);
    this.#now.set(then, now);
  }

  of(then: number): number {
    return this.#now.get(then) ?? then;
  }
}

function translated(frame: Frame, ids: Ids): Frame {
  const { objectId, target, data } = frame.attrs;
  const args = data === undefined ? undefined : fieldsToJson(data);
  const object = args?.['object'];
  const attrs = {
    ...frame.attrs,
    ...(objectId === undefined ? {} : { objectId: ids.of(objectId) }),
    ...(target === undefined ? {} : { target: ids.of(target) }),
    ...(typeof object === 'number' ? { data: jsonToFields({ ...args, object: ids.of(object >>> 0) | 0 }) } : {}),
  };
  return { ...frame, peer: ids.of(frame.peer), attrs };
}

function compare(then: Frame, now: Frame, ids: Ids): void {
  expect({ type: now.type, sequence: now.sequence, attrs: Object.keys(now.attrs) }).toEqual({
    type: then.type,
    sequence: then.sequence,
    attrs: Object.keys(then.attrs),
  });
  ids.learn(then.peer, now.peer);
  ids.learn(then.attrs.objectId, now.attrs.objectId);
  ids.learn(then.attrs.objectType, now.attrs.objectType);
  ids.learn(then.attrs.target, now.attrs.target);
  then.attrs.subscribers?.forEach((id, index) => ids.learn(id, now.attrs.subscribers?.[index]));
  const plain = ({ attrs }: Frame): unknown => {
    const { status, objectPath, method, signature, user, group, active, noReply, data } = attrs;
    const table = data === undefined ? undefined : fieldsToJson(data);
    return { status, objectPath, method, signature, user, group, active, noReply, data: table };
  };
  expect(plain(now)).toEqual(plain(then));
}

async function replay(scenario: string): Promise<number> {
  const ids = new Ids();
  const connections = new Map<number, Connection>();
  let compared = 0;
  for (const message of recorded.filter((one) => one.scenario === scenario)) {
    const connection = connections.get(message.connection) ?? open();
    connections.set(message.connection, connection);
    const then = decodeFrame(message.bytes);
    if (message.fromUbusd) {
      // What the recording does not show: the provider left after its last answer.
      if (then.type === 'UNSUBSCRIBE') connections.get(1)?.socket.end();
      await until(`${then.type} ${then.sequence}`, () => connection.frames.length > 0);
      const now = connection.frames.shift();
      if (now !== undefined) compare(then, now, ids);
      compared++;
    } else {
      connection.socket.write(encodeFrame(translated(then, ids)));
    }
  }
  for (const { socket } of connections.values()) socket.destroy();
  return compared;
}

describe('what ubusd sent then and what the stand-in sends now', () => {
  // The first row stays first: ubusd counts the events that anybody heard.
  it.each([
    ['an event reaches its listener under the odd sequence 256', 'event_listen_send', 7],
    ['a path that nobody has is NOT_FOUND alone', 'missing_object', 2],
    ['an argument of a wrong type is INVALID_ARGUMENT, and uci has its recorded signature', 'bad_args', 4],
    ['uci refuses a table with null, double and int64 as a whole, and reverts', 'types', 8],
    ['the objects of netifd come in order and with their signatures', 'lookup', 9],
  ])('%s', async (_sentence, scenario, frames) => {
    expect(await replay(scenario)).toBe(frames);
  });

  it('a provider, a subscriber and a caller: notify, invoke, and unsubscribe when the provider goes', async () => {
    expect(await replay('provider2')).toBe(20);
  });
});

describe('refusals of ubusd', () => {
  it('a client that sends what is no frame is disconnected, the others are not', async () => {
    const { socket } = open();
    let closed = false;
    socket.on('close', () => (closed = true));
    socket.write(Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9));
    await until('the end of the connection', () => closed);
    expect((await bus.lookup('uci')).map(({ path }) => path)).toEqual(['uci']);
  });

  it('a path is published once', async () => {
    const [first, second] = [await world.connect(), await world.connect()];
    await first.publish('twice', {});
    await expect(second.publish('twice', {})).rejects.toThrow('status 2');
  });

  it('nobody but ubusd says that an object came', async () => {
    expect(await bus.send('ubus.object.add', { id: 1, path: 'uci' })).toBe(6);
    expect(await bus.send('rustynet.test', {})).toBe(0);
  });
});

it('every object has the signature that `ubus -v list` showed', async () => {
  const text = readFileSync(new URL('../../../qemu-test/standin/vectors/ubus-list.txt', import.meta.url), 'utf8');
  const types: Record<string, number> = { String: 3, Integer: 5, Boolean: 7, Table: 2, Array: 1 };
  for (const block of text.split(/^(?=')/m)) {
    const [head = '', ...lines] = block.trimEnd().split('\n');
    const path = head.split("'")[1] ?? '';
    const wanted = JSON.parse(`{${lines.join(',')}}`, (_key, value: unknown) =>
      typeof value === 'string' ? types[value] : value,
    ) as unknown;
    const [found] = await bus.lookup(path);
    expect(found?.signature, path).toEqual(wanted);
  }
});

it('objects that come and go are announced', async () => {
  const seen: unknown[] = [];
  await bus.listen('ubus.object.*', (event, data) => seen.push([event, data['path']]));
  const provider = await world.connect();
  const object = await provider.publish('comes', {});
  await object.remove();
  await until('both events', () => seen.length === 2);
  expect(seen).toEqual([
    ['ubus.object.add', 'comes'],
    ['ubus.object.remove', 'comes'],
  ]);
});
