/** Subscriptions: what they hear, and that they outlive whatever they depend on. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/control/ports.ts';
import type { UbusSession } from '../../src/drivers/ubus-session.ts';
import { addObject, sendEvent } from '../../src/wire/ubus-messages.ts';
import { decodeFrame, type Frame } from '../../src/wire/ubus.ts';
import { hexOf, recorded } from '../wire/recorded.ts';
import { notifyFrom, until, ubusWorld } from './ubus-world.ts';

const world = ubusWorld();

interface Owner {
  readonly session: UbusSession;
  readonly id: number;
}

async function own(object: string): Promise<Owner> {
  const session = await world().connectRaw();
  const id = await session.own(
    object,
    (sequence) => addObject(sequence, object, {}),
    1_000,
    () => undefined,
  );
  return { session, id };
}

/** Says that the object is there, as ubusd does when it comes. */
async function announce(id: number): Promise<void> {
  const session = await world().connectRaw();
  const event = 'ubus.object.add';
  await session.request(event, (sequence) => sendEvent(sequence, event, { id: id | 0, path: 'object' }), 1_000);
}

/** Everything a new client hears from an object. */
function listen(object: string): [string, JsonObject][] {
  const heard: [string, JsonObject][] = [];
  world()
    .connect()
    .subscribe(object, (event, data) => heard.push([event, data]));
  return heard;
}

function untilSubscribed(object: string, count = 1): Promise<void> {
  return until('a subscriber', () => world().ubusd.subscribersOf(object).length === count);
}

describe('a subscription', () => {
  it('hears an object that is there', async () => {
    const { session, id } = await own('object');
    const heard = listen('object');
    await untilSubscribed('object');
    await notifyFrom(session, id, 'first', { n: 1 });
    await notifyFrom(session, id, 'second', { n: 2 });
    await until('both', () => heard.length === 2);
    expect(heard).toEqual([
      ['first', { n: 1 }],
      ['second', { n: 2 }],
    ]);
  });

  it('hears an object that comes later', async () => {
    const heard = listen('object');
    const isAsked = ({ type, attrs }: Frame): boolean => type === 'LOOKUP' && attrs.objectPath === 'object';
    await until('a look for it', () => world().ubusd.sent(isAsked).length === 1);
    await own('other');
    const { session, id } = await own('object');
    await untilSubscribed('object');
    await notifyFrom(session, id, 'event', { n: 1 });
    await until('it', () => heard.length > 0);
    expect(heard).toEqual([['event', { n: 1 }]]);
    expect(world().ubusd.subscribersOf('other')).toEqual([]);
  });

  it.each<[string, (owner: Owner) => Promise<Owner>]>([
    [
      'the owner restarted',
      async ({ session }) => {
        session.close();
        await until('its loss', () => world().ubusd.idOf('object') === undefined);
        return own('object');
      },
    ],
    [
      'ubusd restarted',
      async () => {
        await world().ubusd.stop();
        await world().ubusd.start();
        return own('object');
      },
    ],
    [
      'ubusd restarted and the owner was back first',
      async () => {
        await world().ubusd.stop();
        await world().ubusd.start();
        const owner = await own('object');
        await until('the listener', () => world().ubusd.clients.length === 2);
        return owner;
      },
    ],
    [
      'ubusd took it off an object that stays',
      (owner) => {
        world().ubusd.unsubscribeAll('object');
        return Promise.resolve(owner);
      },
    ],
  ])('hears each notification once after %s', async (_what, change) => {
    const first = await own('object');
    const heard = listen('object');
    await untilSubscribed('object');
    await notifyFrom(first.session, first.id, 'event', { n: 1 });
    await until('the first', () => heard.length === 1);
    const { session, id } = await change(first);
    await untilSubscribed('object');
    await notifyFrom(session, id, 'event', { n: 2 });
    await notifyFrom(session, id, 'event', { n: 3 });
    await until('the last', () => heard.at(-1)?.[1]['n'] === 3);
    expect(heard.map(([, { n }]) => n)).toEqual([1, 2, 3]);
  });

  it('is made once, also when the same object is announced again', async () => {
    const { ubusd } = world();
    const { id } = await own('object');
    listen('object');
    await untilSubscribed('object');
    await announce(id);
    const isAsked = ({ type }: Frame): boolean => type === 'LOOKUP';
    await until('a look for it', () => ubusd.sent(isAsked).length === 2);
    await notifyFrom(await world().connectRaw(), id, 'event', { n: 1 });
    const isAnswered = ({ type, sequence }: Frame): boolean => type === 'STATUS' && sequence !== 256;
    await until('an answer, after all the rest', () => ubusd.sent(isAnswered).length === 1);
    expect(ubusd.sent(({ type }) => type === 'SUBSCRIBE')).toHaveLength(1);
  });

  it.each([
    ['no fault when the object went at that moment', 'NOT_FOUND', []],
    ['a fault when it is refused', 'PERMISSION_DENIED', [{ code: 'UBUS_PERMISSION_DENIED', subject: 'object' }]],
  ] as const)(
    'that cannot be made is %s, and is made when the object is announced again',
    async (_what, status, wanted) => {
      const { ubusd, faults } = world();
      ubusd.refusals.push(status);
      const { id } = await own('object');
      listen('object');
      await until('the refusal', () => ubusd.refusals.length === 0);
      await announce(id);
      await untilSubscribed('object');
      expect(faults).toMatchObject(wanted);
      expect(faults).toHaveLength(wanted.length);
    },
  );

  it('is one of several, of which each hears everything', async () => {
    const { session, id } = await own('object');
    const heard = [listen('object'), listen('object')];
    await untilSubscribed('object', 2);
    await notifyFrom(session, id, 'event', { n: 1 });
    await until('both', () => heard.every(({ length }) => length === 1));
  });

  it('goes on after its listener threw, which is a fault and the status of the answer', async () => {
    const { connect, faults, ubusd } = world();
    const { session, id } = await own('object');
    const heard: string[] = [];
    connect().subscribe('object', (event) => {
      heard.push(event);
      if (event === 'bad') throw new Error('broken');
    });
    await untilSubscribed('object');
    const [ownId] = ubusd.subscribersOf('object');
    await notifyFrom(session, id, 'bad', { n: 1 });
    await notifyFrom(session, id, 'good', { n: 2 });
    await until('both', () => heard.length === 2);
    expect(faults).toMatchObject([{ code: 'UBUS_UNKNOWN_ERROR', subject: 'object bad' }]);
    const isAnswer = ({ type, attrs }: Frame): boolean => type === 'STATUS' && attrs.objectId === ownId;
    await until('both answers', () => ubusd.sent(isAnswer).length === 2);
    expect(ubusd.sent(isAnswer).map(({ attrs }) => attrs.status)).toEqual([9, 0]);
  });

  it('answers a notification and an event with the recorded bytes', async () => {
    const { ubusd } = world();
    const rows = [
      recorded.filter(({ scenario, connection }) => scenario === 'provider2' && connection === 2),
      recorded.filter(({ scenario, connection }) => scenario === 'event_listen_send' && connection === 1),
    ].map((messages) => {
      const invoked = messages.findIndex(({ fromUbusd, decoded }) => fromUbusd && decoded.type === 'INVOKE');
      return { asked: messages[invoked], answered: messages.slice(invoked + 1).find(({ fromUbusd }) => !fromUbusd) };
    });
    const ids = rows.map(({ asked }) => decodeFrame(asked?.bytes ?? new Uint8Array()).attrs.objectId ?? 0);
    await own('object');
    // The client adds where it hears of events first, and then where it hears the object.
    ubusd.nextIds.push(...[...ids].reverse());
    const heard = listen('object');
    await untilSubscribed('object');
    const listener = ubusd.clients.find(({ received }) => received.some(({ frame }) => frame.type === 'SUBSCRIBE'));
    for (const { asked, answered } of rows) {
      const before = listener?.received.length ?? 0;
      listener?.socket.write(asked?.bytes ?? '');
      await until('an answer', () => (listener?.received.length ?? 0) > before);
      expect(hexOf(listener?.received[before]?.bytes ?? new Uint8Array())).toBe(answered?.hex);
    }
    expect(heard).toEqual([['ping', { x: 1 }]]);
  });

  it('does not answer where no answer is wanted, and hears nothing once it is closed', async () => {
    const { ubusd, connect } = world();
    const { session, id } = await own('object');
    const heard: string[] = [];
    const ubus = connect();
    ubus.subscribe('object', (event) => heard.push(event));
    await untilSubscribed('object');
    const [ownId = 0] = ubusd.subscribersOf('object');
    const listener = ubusd.clients.find(({ received }) => received.some(({ frame }) => frame.type === 'SUBSCRIBE'));
    const before = listener?.received.length ?? 0;
    const attrs = { objectId: ownId, method: 'quiet', noReply: true };
    ubusd.send(listener, { type: 'INVOKE', sequence: 5, peer: 9, attrs });
    await notifyFrom(session, id, 'loud', { n: 1 });
    await until('the answer to the second', () => (listener?.received.length ?? 0) > before);
    expect(heard).toEqual(['quiet', 'loud']);
    expect(listener?.received.slice(before).map(({ frame }) => frame.sequence)).not.toContain(5);
    const notified = notifyFrom(session, id, 'late', { n: 2 });
    ubus.close();
    await notified;
    await until('the end', () => ubusd.subscribersOf('object').length === 0);
    expect(heard).toEqual(['quiet', 'loud']);
  });
});
