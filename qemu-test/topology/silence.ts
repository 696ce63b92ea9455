// How long a revoked flow went on. In: what the witness saw, when the map was published, whose flow. Out: seconds from the
// first frame that brought the map to that router, to the last frame of the flow that this router sealed.
import { expect } from 'vitest';
import { brokerAddress, brokerPort } from './broker.ts';
import { wanAddress, type Router } from './router.ts';
import type { WanPacket } from './witness.ts';

/** Keepalives and acknowledgements of MQTT are shorter than any map. */
const leastMapBytes = 100;
/** Fewer sealed frames before the map show no flow. */
const leastBefore = 20;

export function secondsUntilSilence(
  packets: readonly WanPacket[],
  publishedMs: number,
  { index }: Router,
  isOfFlow: (packet: WanPacket) => boolean,
): number {
  const sealed = packets.filter((packet) => packet.from === wanAddress(index) && isOfFlow(packet));
  const arrival = packets.find(
    ({ atMs, from, fromPort, to, payload }) =>
      atMs > publishedMs &&
      from === brokerAddress &&
      fromPort === brokerPort &&
      to === wanAddress(index) &&
      payload.length > leastMapBytes,
  );
  const last = sealed.at(-1);
  if (arrival === undefined || last === undefined)
    throw new Error('wanted the map and the flow on the WAN, got neither');
  expect(sealed.filter(({ atMs }) => atMs < publishedMs).length, 'sealed before').toBeGreaterThan(leastBefore);
  return (last.atMs - arrival.atMs) / 1000;
}
