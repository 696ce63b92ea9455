// What the daemon of a router has and does. In: a router, a process. Out: counts of the kernel and of the daemon itself.
import type { Router } from '../topology/router.ts';

export interface MemoryKb {
  /** What the process has for itself, clean and dirty. */
  readonly own: number;
  /** With its share of what others use as well. */
  readonly proportional: number;
  readonly resident: number;
}

/** /proc/PID/smaps_rollup. */
export async function memoryOf({ guest }: Router, pid: string): Promise<MemoryKb> {
  const text = await guest.run(`cat /proc/${pid}/smaps_rollup`);
  const kb = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]);
  return { own: kb('Private_Clean') + kb('Private_Dirty'), proportional: kb('Pss'), resident: kb('Rss') };
}

/** Since the daemon began: commits to flash, and bytes of MQTT that came from the broker. */
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
