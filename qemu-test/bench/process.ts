// What the daemon of a router has and does. In: a router, a process. Out: counts of the kernel and of the daemon itself.
import type { Router } from '../topology/router.ts';

/** /proc/PID/smaps_rollup: what the process has for itself, clean and dirty. */
export async function privateKb({ guest }: Router, pid: string): Promise<number> {
  const text = await guest.run(`grep -E '^Private_(Clean|Dirty):' /proc/${pid}/smaps_rollup`);
  return [...text.matchAll(/(\d+) kB/g)].reduce((sum, [, kb]) => sum + Number(kb), 0);
}

/** Since the daemon began: commits to flash, and bytes of payload that the broker sent. */
export async function countsOf(router: Router): Promise<{ readonly writes: number; readonly bytes: number }> {
  const { flash_writes: writes, broker } = (await router.status()) as {
    flash_writes: number;
    broker: { received_bytes: number } | null;
  };
  if (broker === null) throw new Error(`${router.name}: wanted a broker, got none`);
  return { writes, bytes: broker.received_bytes };
}

/** Ticks of the processor, and how often it gave it up by itself, since it began. */
export async function workOf({ guest }: Router, pid: string): Promise<{ ticks: number; switches: number }> {
  const text = await guest.run(
    `awk '{ print $14 + $15 }' /proc/${pid}/stat; grep ^voluntary /proc/${pid}/status | cut -f2`,
  );
  const [ticks = Number.NaN, switches = Number.NaN] = text.split('\n').map(Number);
  return { ticks, switches };
}
