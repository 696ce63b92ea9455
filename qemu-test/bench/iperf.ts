// iperf3 between the hosts behind two routers. In: where from, where to. Out: bits a second as the receiver counted them.
import type { Router } from '../topology/router.ts';

export const within = 'ip netns exec host';
export const seconds = 5;

export async function serveIperf({ guest }: Router): Promise<void> {
  await guest.run(`${within} iperf3 -s -D`);
}

/** The first second, in which TCP finds its window, is left out. */
export async function bitsPerSecond(from: Router, source: string, target: string): Promise<number> {
  const command = `${within} iperf3 -J -c ${target} -B ${source} -t ${seconds} -O 1`;
  const { stdout, stderr } = await from.guest.exec(command, { timeoutMs: 60_000 });
  const { end, error } = JSON.parse(stdout) as { end?: { sum_received?: { bits_per_second: number } }; error?: string };
  if (end?.sum_received === undefined) throw new Error(`iperf3: wanted its sum, got ${error ?? stderr}`);
  return Math.round(end.sum_received.bits_per_second);
}
