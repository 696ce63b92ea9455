/** What is retained is read whole, also where the way to the broker is slower than the silence that ends the reading. */
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { BrokerSession } from '../../src/operator/broker-session.ts';
import { answer5, kept, packet, publish5, startFake } from '../drivers/brokers.ts';

const pingreq = 0xc0;
const unsubscribe = 0xa2;
const pingresp = packet(0xd0, []);

function answer(chunk: Buffer): Buffer | undefined {
  if (chunk[0] === pingreq) return pingresp;
  return chunk[0] === unsubscribe ? packet(0xb0, [...chunk.subarray(2, 4), 0, 0]) : answer5(chunk);
}

/** In order, as TCP does: a segment that was lost holds back all that follows it. */
function holdingBack(delayMs: number): (chunk: Buffer, socket: Socket) => Buffer | undefined {
  let held: Buffer[] | undefined;
  return (chunk, socket) => {
    const said = answer(chunk);
    if (held !== undefined) return void (said === undefined ? undefined : held.push(said));
    if (chunk[0] !== 0x82) return said;
    held = [publish5('net/part', 'a part')];
    setTimeout(() => {
      socket.write(Buffer.concat(held ?? []));
      held = undefined;
      // A broker has only so many under way at a time.
      setTimeout(() => socket.write(publish5('net/map', 'the map')), 100);
    }, delayMs);
    return said;
  };
}

const read = async (url: string): Promise<[topic: string, text: string][]> => {
  const session = await BrokerSession.open({ url });
  const found = await session.retained(
    ['net/#'],
    (_, payload) => payload,
    () => true,
  );
  await session.close();
  return [...found].map(([topic, bytes]) => [topic, Buffer.from(bytes).toString()]);
};
const all = [
  ['net/part', 'a part'],
  ['net/map', 'the map'],
];

it.each([0, 1_500])('what comes %i ms after the broker said that it will send is there', async (delayMs) => {
  const { url } = await kept(startFake(holdingBack(delayMs)));
  expect(await read(url)).toEqual(all);
});

it('the silence is one of the broker, not of a process that stood still', async () => {
  const slow = holdingBack(50);
  const { url } = await kept(
    startFake((chunk, socket) => {
      const standStill = (): void => {
        const endMs = performance.now() + 1_000;
        while (performance.now() < endMs);
      };
      if (chunk[0] === 0x82) setTimeout(standStill, 30);
      return slow(chunk, socket);
    }),
  );
  expect(await read(url)).toEqual(all);
});
