/** What a broker can make a router do: at most a little, and nothing after the session's end. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Broker, BrokerMessage } from '../../src/control/ports.ts';
import { Session } from '../../src/control/session.ts';
import { topics } from '../../src/trust/topics.ts';
import { digestOf } from '../../src/trust/words.ts';
import { mapOf, network, rootOf, signedRoot, signer, type SignedMap } from '../trust/network.ts';
import { RouterOfOne } from './router-of-one.ts';

let router: RouterOfOne;
beforeEach(() => {
  router = new RouterOfOne();
  router.hear(mapOf());
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(router.folder, { recursive: true });
});
const onMap = (payload: Uint8Array): BrokerMessage => ({ topic: topics.map(network), payload });
const messagesOf = ({ envelope, parts }: SignedMap): readonly BrokerMessage[] => [
  onMap(envelope),
  ...Object.values(parts).map((part) => ({ topic: topics.part(network, digestOf(part)), payload: part })),
];

describe('what is believed', () => {
  test('the map in force in envelopes of other bytes is no news, and costs no write', () => {
    const text = Buffer.from(mapOf().envelope).toString();
    const envelope = JSON.parse(text) as { signatures: object[] };
    const signed = JSON.stringify({ ...envelope, signatures: [...envelope.signatures, { keyid: 'x', sig: '' }] });
    const writes = router.store.writes();
    const news = [text, `${text} `, signed].map((each) => router.belief.receive(onMap(Buffer.from(each))));
    expect([news, router.run(), router.store.writes()]).toEqual([[false, false, false], 7, writes]);
    expect(router.belief.refusals.last).toBeUndefined();
    router.belief.receive({ topic: topics.root(network, 2), payload: signedRoot(rootOf({ version: 2 })) });
    expect(router.run()).toBe(7);
  });

  test('floors that were on flash before the commit failed are floors', () => {
    const commit = router.store.commit.bind(router.store);
    router.store.commit = (...all) => {
      commit(...all);
      throw new Error('EIO');
    };
    expect(() => router.hear(mapOf({ epoch: 9 }))).toThrow('EIO');
    router.store.commit = commit;
    expect(router.belief.floors.epoch).toBe(9);
    router.hear(mapOf({ epoch: 8 }));
    expect(router.belief.refusals.last?.refused).toBe('rollback');
    router.hear(mapOf({ epoch: 9 }));
    expect(router.run()).toBe(9);
  });
});

class OneBroker implements Broker {
  say: (message: BrokerMessage) => void = () => undefined;
  subscribe = (): void => undefined;
  unsubscribe = (): void => undefined;
  publish = (): void => undefined;
  state = (): ReturnType<Broker['state']> => ({ connected: true, dropped: 0, receivedBytes: 0 });
  close = (): Promise<void> => Promise.resolve();
}

function sessionWith(broker: OneBroker, onChange: () => void): Session {
  const { key, secret } = signer('home');
  const identity = { identityKey: key, id: '0'.repeat(32), sign: () => secret };
  const vault = { read: () => ({}) };
  const membership = { network, brokerUrl: 'mqtt://b', username: undefined };
  return new Session(
    membership,
    identity as never,
    router.store,
    vault as never,
    router.time,
    (_, onMessage) => {
      broker.say = onMessage;
      return broker;
    },
    onChange,
  );
}

describe('a session', () => {
  test('a map asks for a run of the loop at once; however many refusals in ten seconds, for one', async () => {
    vi.useFakeTimers();
    const broker = new OneBroker();
    const changed = vi.fn();
    const session = sessionWith(broker, changed);
    for (let times = 0; times < 90; times += 1) {
      broker.say(onMap(Buffer.from(`x${times}`)));
      await vi.advanceTimersByTimeAsync(100);
    }
    expect([changed.mock.calls.length, session.belief.refusals.counts.malformed]).toEqual([0, 90]);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(changed).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(changed).toHaveBeenCalledTimes(1);
    for (const message of messagesOf(mapOf({ epoch: 8 }))) broker.say(message);
    await vi.advanceTimersByTimeAsync(60);
    expect(changed).toHaveBeenCalledTimes(2);
    await session.close();
  });

  test('what comes while it closes is not believed: the next one has read its floors', async () => {
    vi.useFakeTimers();
    const broker = new OneBroker();
    const session = sessionWith(broker, () => undefined);
    let end = (): void => undefined;
    broker.close = () => new Promise((resolve) => (end = resolve));
    const closing = session.close();
    for (const message of messagesOf(mapOf({ epoch: 9 }))) broker.say(message);
    await vi.advanceTimersByTimeAsync(1_000);
    end();
    await closing;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(router.store.read()?.floors.epoch).toBe(7);
  });
});
