// Where packets end in a router and in its LAN host. In: a router. Out: how many packets the kernel freed as lost, by the
// function that did and its reason, between two looks: the histogram of the tracepoint skb:kfree_skb. Specified in the
// kernel's trace/histogram.rst and dropreason-core.h.
import type { Router } from './router.ts';

export type Drops = ReadonlyMap<string, number>;

/** Freed there in the ordinary course: requests of netlink, ends of connections, answers that ping itself reads a copy of. */
const ordinary = new Set([
  'nf_tables_commit',
  'unix_stream_connect',
  'tcp_data_queue',
  'napi_get_frags_check',
  'icmp_rcv',
]);
const event = '/sys/kernel/tracing/events/skb/kfree_skb';

export async function countDrops({ guest }: Router): Promise<void> {
  await guest.run(`[ -d ${event} ] || mount -t tracefs none /sys/kernel/tracing
echo hist:keys=location.sym,reason:size=4096 >${event}/trigger`);
}

/** Everything since `countDrops` that is not ordinary, a line each. */
export async function dropsOf({ guest, name }: Router): Promise<readonly string[]> {
  const text = await guest.run(`cat ${event}/hist`);
  const entry = /location: \[\w+\] (\w+)[^,]*, reason:\s*(\d+) \} hitcount:\s*(\d+)/g;
  const entries = [...text.matchAll(entry)].map(([, where = '', reason, count]) => ({ where, reason, count }));
  if (entries.length === 0) throw new Error(`${name}: wanted the kernel's histogram of drops, got ${text}`);
  return entries
    .filter(({ where }) => !ordinary.has(where))
    .map(({ where, reason, count }) => `${name}: ${count} packets freed in ${where}, reason ${reason}`);
}
