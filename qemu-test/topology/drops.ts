// Where packets end in a router and in its LAN host. In: a router. Out: how many packets the kernel freed as lost, by the
// function that did and its reason, between two looks: histograms of the tracepoints skb:kfree_skb and skb:consume_skb,
// the latter for WireGuard, which frees by it what it cannot open. Specified in the kernel's trace/histogram.rst.
import type { Router } from './router.ts';

/** Freed there in the ordinary course: requests of netlink, ends of connections, answers that ping itself reads a copy of. */
const ordinary = new Set([
  'icmp_rcv',
  'icmpv6_rcv',
  'inet_sock_destruct',
  'napi_get_frags_check',
  'nf_tables_commit',
  'tcp_data_queue',
  'unix_stream_connect',
]);
/** The function of WireGuard (receive.c) that consumes what is not for the network: what it may not open, and keepalives. */
export const freedWithKeepalives = 'wg_packet_rx_poll';
const events = '/sys/kernel/tracing/events/skb';

export async function countDrops({ guest }: Router): Promise<void> {
  await guest.run(`[ -d ${events} ] || mount -t tracefs none /sys/kernel/tracing
echo hist:keys=location.sym,reason:size=4096 >${events}/kfree_skb/trigger
echo hist:keys=location.sym:size=4096 >${events}/consume_skb/trigger`);
}

interface Freed {
  readonly where: string;
  readonly reason: string;
  readonly count: string;
}

async function histogram({ guest, name }: Router, event: string): Promise<readonly Freed[]> {
  const text = await guest.run(`cat ${events}/${event}/hist`);
  const entry = /location: \[\w+\] (\w+)[^,}]*(?:, reason:\s*(\d+) )?\} hitcount:\s*(\d+)/g;
  const all = [...text.matchAll(entry)].map(([, where = '', reason = 'none', count = '']) => ({
    where,
    reason,
    count,
  }));
  if (!/Hits: \d/.test(text)) throw new Error(`${name}: wanted the kernel's histogram of ${event}, got ${text}`);
  return all;
}

/** Everything since `countDrops` that is not ordinary, a line each. */
export async function dropsOf(router: Router): Promise<readonly string[]> {
  const freed = (await histogram(router, 'kfree_skb')).filter(({ where }) => !ordinary.has(where));
  const consumed = (await histogram(router, 'consume_skb')).filter(({ where }) => where === freedWithKeepalives);
  return [...freed, ...consumed].map(
    ({ where, reason, count }) => `${router.name}: ${count} packets freed in ${where}, reason ${reason}`,
  );
}
