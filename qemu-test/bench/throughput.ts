// TCP from a host behind one router to a host behind the other: through rustynet, and through what people use instead, in
// turn. In: a mesh. Out: bits a second as iperf3's receiver counted them, and how long the processors of both routers were
// busy for it, iperf3 itself included. A run counts only if its own tunnel carried it at both ends, and no other did.
import type { Series } from '../evidence/budgets.ts';
import type { Mesh } from '../topology/mesh.ts';
import type { Router } from '../topology/router.ts';
import { bitsPerSecond, seconds, serveIperf } from './iperf.ts';
import { setUpWays, type Way } from './peers.ts';

const rounds = 7;
/** What other tunnels may have beside a run's own: handshakes and keepalives. */
const maxStrayShare = 0.01;

interface Counts {
  /** Since the boot, of all processors, 10 ms each. */
  readonly busyTicks: number;
  readonly bytesOf: ReadonlyMap<string, number>;
}

/** /proc/stat (proc(5)), and bytes that devices sent (`tx`) or received. */
async function countsOf({ guest }: Router, devices: readonly string[], direction: 'tx' | 'rx'): Promise<Counts> {
  const files = devices.map((device) => `/sys/class/net/${device}/statistics/${direction}_bytes`);
  const [cpu = '', ...bytes] = (await guest.run(`head -n 1 /proc/stat; cat ${files.join(' ')}`)).trim().split('\n');
  const [, user = NaN, nice = NaN, system = NaN, , , irq = NaN, softirq = NaN] = cpu.split(/ +/).map(Number);
  const bytesOf = new Map(devices.map((device, at) => [device, Number(bytes[at])]));
  return { busyTicks: user + nice + system + irq + softirq, bytesOf };
}

/** Bytes through the way's own device. */
function carried({ name, device }: Way, before: Counts, after: Counts, atLeast: number): number {
  const grown = [...after.bytesOf].map(([each, bytes]) => [each, bytes - (before.bytesOf.get(each) ?? NaN)] as const);
  const own = grown.find(([each]) => each === device)?.[1] ?? NaN;
  const isAlone = grown.every(([each, bytes]) => each === device || bytes <= own * maxStrayShare);
  if (own >= atLeast && isAlone) return own;
  const got = grown.map(([each, bytes]) => `${each} ${bytes}`).join(', ');
  throw new Error(`${name}: wanted ${atLeast} bytes or more through ${device} and none elsewhere, got ${got}`);
}

interface Run {
  readonly bitsPerSecond: number;
  readonly ticksPerGigabit: number;
}

async function runThrough(way: Way, [from, to]: readonly [Router, Router], devices: readonly string[]): Promise<Run> {
  const look = (): Promise<[Counts, Counts]> =>
    Promise.all([countsOf(from, devices, 'tx'), countsOf(to, devices, 'rx')]);
  const before = await look();
  const rate = await bitsPerSecond(from, way.source, way.target);
  const after = await look();
  const atLeast = Math.floor((rate * seconds) / 8);
  carried(way, before[0], after[0], atLeast);
  const gigabits = (carried(way, before[1], after[1], atLeast) * 8) / 1e9;
  const busy = ([left, right]: [Counts, Counts]): number => left.busyTicks + right.busyTicks;
  return { bitsPerSecond: rate, ticksPerGigabit: Math.round((busy(after) - busy(before)) / gigabits) };
}

export async function throughput(mesh: Mesh): Promise<readonly Series[]> {
  const pair = [mesh.router('r1'), mesh.router('r2')] as const;
  const ways = await setUpWays(mesh);
  const devices = ways.map(({ device }) => device);
  await serveIperf(pair[1]);
  for (const way of ways) await runThrough(way, pair, devices);
  const runs = new Map<Way, Run[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const way of round % 2 === 0 ? ways : ways.toReversed())
      runs.get(way)?.push(await runThrough(way, pair, devices));
  const seriesOf = (what: string, unit: Series['unit'], of: (run: Run) => number): Series[] =>
    [...runs].map(([{ name }, own]) => ({ name: `${what} through ${name}`, unit, values: own.map(of) }));
  return [
    ...seriesOf('TCP', 'bit/s', (run) => run.bitsPerSecond),
    ...seriesOf('CPU of both routers a gigabit:', 'tick', (run) => run.ticksPerGigabit),
  ];
}
