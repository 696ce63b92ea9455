// What must hold in every second of a soak. In: looks at routers. Out: a line for each thing that does not. The soak stops
// by these, and the gate computes them anew.
import type { Look } from './look.ts';

/** Floors never fall, whatever happened between two looks. */
export function fallen(before: Look | undefined, now: Look): string[] {
  if (before === undefined) return [];
  return (['epoch', 'rootVersion', 'timeUnixS'] as const)
    .filter((floor) => now[floor] < before[floor])
    .map((floor) => `${now.router}: floor ${floor}: wanted ${before[floor]} or more, got ${now[floor]}`);
}

/** A router that enforces the newest map has the peers of it in its kernel, and no other. */
export function strangers({ router, state, epoch, newestEpoch, peers, members }: Look): string[] {
  if (state !== 'enforced' || epoch !== newestEpoch) return [];
  return peers.filter((key) => !members.includes(key)).map((key) => `${router}: ${key} is a peer, and no member`);
}
