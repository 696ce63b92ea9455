// A running flow: 100 pings a second from the host behind one router to an address. In: a router. Out: how many were
// sent and answered, in the end, and which were not, and when; what was lost is what a person would have noticed.
import { attach, record } from '../evidence/recorder.ts';
import type { PingSummary, Router } from './router.ts';

const file = '/tmp/flow.log';
const complaints = '/tmp/flow.complaints';

/** An answer that never came, and the router's clock at the answers around it. */
export interface LostPing {
  readonly sequence: number;
  readonly afterUnixS: number;
  readonly beforeUnixS: number;
}

export interface FlowSummary extends PingSummary {
  readonly lost: readonly LostPing[];
  /** What ping sent in all by its own count, with those still on their way at the end. */
  readonly transmitted: number;
  /** Whatever ping said beside answers: errors from the network, its own trouble. */
  readonly said: readonly string[];
}

/** What ping -D printed: `[unix time] 64 bytes from ...: icmp_seq=N ttl=62 time=1.2 ms`. Sequences wrap at 65,536. */
export function summaryOf(text: string): FlowSummary {
  const seen = new Map<number, number>();
  const said: string[] = [];
  let [newest, transmitted] = [0, 0];
  for (const line of text.split('\n')) {
    const [, time, shown] = /^\[(\d+\.\d+)\] .*icmp_seq=(\d+) .*time=/.exec(line) ?? [];
    if (time === undefined) {
      transmitted = Number(/^(\d+) packets transmitted/.exec(line)?.[1] ?? transmitted);
      said.push(line);
      continue;
    }
    const sequence = Number(shown) + Math.round((newest - Number(shown)) / 65_536) * 65_536;
    newest = Math.max(newest, sequence);
    if (!seen.has(sequence)) seen.set(sequence, Number(time));
  }
  const lost: LostPing[] = [];
  let afterUnixS = 0;
  for (let sequence = 1; sequence <= newest; sequence += 1) {
    afterUnixS = seen.get(sequence) ?? afterUnixS;
    if (seen.has(sequence)) continue;
    let next = sequence + 1;
    while (!seen.has(next)) next += 1;
    lost.push({ sequence, afterUnixS, beforeUnixS: seen.get(next) ?? 0 });
  }
  // Behind the last answer, pings are on their way when the flow is ended.
  return { sent: newest, received: seen.size, lost, transmitted, said: said.filter((line) => line !== '') };
}

export class Flow {
  readonly #router: Router;
  readonly #address: string;

  private constructor(router: Router, address: string) {
    this.#router = router;
    this.#address = address;
  }

  static async start(router: Router, address: string, perSecond = 100): Promise<Flow> {
    const interval = 1 / perSecond;
    // Complaints in a file of their own: in the middle of a line of answers one would hide an answer.
    await router.guest.run(
      `setsid ip netns exec host ping -D -i ${interval} -W 2 ${address} >${file} 2>${complaints} </dev/null &\nsleep 1; grep -q 'time=' ${file}`,
    );
    return new Flow(router, address);
  }

  async stop(): Promise<FlowSummary> {
    await this.#router.guest.run('killall -INT ping; while pidof ping >/dev/null; do sleep 0.1; done');
    const [answers, said] = await Promise.all([
      this.#router.guest.readFile(file),
      this.#router.guest.readFile(complaints),
    ]);
    const printed = Buffer.concat([said, answers]);
    record({ kind: 'flow', from: this.#router.hostName, to: this.#address, log: attach('log', printed) });
    return summaryOf(printed.toString());
  }
}
