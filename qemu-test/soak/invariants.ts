// What must hold in every second of a soak, and after each event. In: routers. Out: a line for each thing that does not,
// and the samples that were looked at.
import type { JsonObject } from '../../agent/src/control/ports.ts';
import type { Router } from '../topology/router.ts';

export interface Look {
  readonly router: string;
  readonly atS: number;
  readonly state: string;
  readonly epoch: number;
  readonly rootVersion: number;
  readonly timeUnixS: number;
  /** Of the daemon; `undefined` while it does not run. */
  readonly privateKb: number | undefined;
  /** Public keys in the kernel. */
  readonly peers: readonly string[];
}

/** `undefined` while the daemon does not answer: it was killed, or the router boots. */
export async function lookAt(router: Router, atS: number): Promise<Look | undefined> {
  const reply = await router.guest.exec('ubus call rustynet status', { timeoutMs: 30_000 }).catch(() => undefined);
  if (reply?.status !== 0) return undefined;
  const status = JSON.parse(reply.stdout) as JsonObject;
  const floors = status['floors'] as { root_version?: number; epoch?: number; time?: number } | null;
  const rest = await router.guest.exec(
    'wg show rn0 peers 2>/dev/null; echo ==; cat /proc/$(cat /var/run/rustynet.pid)/smaps_rollup',
  );
  const [peers = '', memory = ''] = rest.stdout.split('==\n');
  const kb = [...memory.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].map(([, value]) => Number(value));
  return {
    ...{ router: router.name, atS, state: String(status['state']) },
    ...{ epoch: floors?.epoch ?? 0, rootVersion: floors?.root_version ?? 0, timeUnixS: floors?.time ?? 0 },
    privateKb: kb.length === 0 ? undefined : kb.reduce((sum, value) => sum + value, 0),
    peers: peers.split('\n').filter((line) => line !== ''),
  };
}

/** Floors never fall, whatever happened between two looks. */
export function fallen(before: Look | undefined, now: Look): string[] {
  if (before === undefined) return [];
  return (['epoch', 'rootVersion', 'timeUnixS'] as const)
    .filter((floor) => now[floor] < before[floor])
    .map((floor) => `${now.router}: floor ${floor}: wanted ${before[floor]} or more, got ${now[floor]}`);
}

/** A router that enforces the newest map has the peers of it in its kernel, and no other. */
export function strangers(now: Look, newestEpoch: number, wanted: readonly string[]): string[] {
  if (now.state !== 'enforced' || now.epoch !== newestEpoch) return [];
  return now.peers
    .filter((key) => !wanted.includes(key))
    .map((key) => `${now.router}: ${key} is a peer, and no member`);
}
