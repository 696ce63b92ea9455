// How long a flow that was taken back went on. In: what the witness saw, when the map was published, whose flow. Out: how
// much of it there was before, and how long after the first frame that brought the map to that router it still sealed.
import { brokerAddress, brokerPort } from './broker.ts';
import { wanAddress } from './router.ts';
import type { WanPacket } from './witness.ts';

export interface Silence {
  /** Sealed frames before the map was published. */
  readonly before: number;
  /** From the map's first frame to the last of the flow, milliseconds; `undefined` when either was not seen. */
  readonly tookMs: number | undefined;
}

/** Keepalives and acknowledgements of MQTT are shorter than any map. */
const leastMapBytes = 100;

/** The first frame that can be of the map: the broker's to this router, once it was published. Times are those of the packets. */
export function arrivalOf(packets: readonly WanPacket[], publishedMs: number, index: number): WanPacket | undefined {
  return packets.find(
    ({ atMs, from, fromPort, to, payload }) =>
      atMs > publishedMs &&
      from === brokerAddress &&
      fromPort === brokerPort &&
      to === wanAddress(index) &&
      payload.length > leastMapBytes,
  );
}

export function silenceOf(
  packets: readonly WanPacket[],
  publishedMs: number,
  index: number,
  isOfFlow: (packet: WanPacket) => boolean,
): Silence {
  const own = wanAddress(index);
  const sealed = packets.filter((packet) => packet.from === own && isOfFlow(packet));
  const arrival = arrivalOf(packets, publishedMs, index);
  const last = sealed.at(-1);
  return {
    before: sealed.filter(({ atMs }) => atMs < publishedMs).length,
    tookMs: arrival === undefined || last === undefined ? undefined : last.atMs - arrival.atMs,
  };
}

/** 84 bytes of a ping, filled up to 96, and 32 of WireGuard. */
export const isSealedPing = ({ payload }: WanPacket): boolean => payload.length === 128;
