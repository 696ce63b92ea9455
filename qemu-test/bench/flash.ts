// What maps cost the flash of a router, with 100 members: bytes and flush requests that the kernel counts at the disk of the
// overlay, fsyncs of the daemon, and its own word; one map at a time, and 50 in a row with the audit log of them. In: a mesh.
// Out: raw samples, beside those of as long a time without a map. Specified in Documentation/block/stat.rst and
// Documentation/trace/histogram.rst of the kernel.
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import type { Series } from '../evidence/budgets.ts';
import type { Mesh } from '../topology/mesh.ts';
import type { Router } from '../topology/router.ts';
import { newKeys } from './ghosts.ts';
import { growTo } from './growth.ts';
import { countsOf } from './process.ts';

const members = 100;
const changes = 7;
const quietTimes = 3;
const inARow = 50;
/** Pages that nobody synced are written 35 s later at most (vm.dirty_expire_centisecs and dirty_writeback_centisecs). */
const settleMs = 45_000;
const sectorBytes = 512;
/** The daemon's audit log waits for 10 minutes at most, and its loop comes by once a minute at least. */
const maxAuditMs = 15 * 60_000;
const changed = 'changed';

const tracing = '/sys/kernel/tracing';
const fsyncs = ['fsync', 'fdatasync'].map((call) => `${tracing}/events/syscalls/sys_enter_${call}`);

async function countFsyncs({ guest }: Router): Promise<void> {
  const begin = fsyncs.map((event) => `echo hist:keys=common_pid >${event}/trigger`);
  await guest.run(['set -e', `mount -t tracefs tracefs ${tracing}`, ...begin].join('\n'));
}

interface Wear {
  readonly bytes: number;
  readonly flushes: number;
  readonly fsyncs: number;
  /** By the daemon's own count. */
  readonly writes: number;
}

/** Since the boot; the daemon's since it began, asked before and after: a write in between is seen by both or by none. */
async function wearOf(router: Router): Promise<Wear> {
  const pid = await router.daemonPid();
  const { writes } = await countsOf(router);
  const text = await router.guest.run(`disk=$(awk '$2 == "/overlay" { print $1 }' /proc/mounts)
cat /sys/class/block/\${disk##*/}/stat ${fsyncs.map((event) => `${event}/hist`).join(' ')}`);
  if ((await countsOf(router)).writes !== writes) return wearOf(router);
  const [disk = '', ...lines] = text.trim().split('\n');
  const fields = disk.trim().split(/ +/).map(Number);
  const [sectors = NaN, flushes = NaN] = [fields[6], fields[15]];
  const hits = lines.map((line) => new RegExp(`common_pid: +${pid} } hitcount: +(\\d+)`).exec(line)?.[1] ?? 0);
  const calls = hits.map(Number).reduce((sum, each) => sum + each, 0);
  const wear = { bytes: sectors * sectorBytes, flushes, fsyncs: calls, writes };
  const isCounting = lines.filter((line) => line.endsWith('[active]')).length === fsyncs.length;
  if (Object.values(wear).every(Number.isFinite) && isCounting) return wear;
  throw new Error(`${router.name}: wanted counts of a disk and of ${fsyncs.length} system calls, got ${text}`);
}

async function wearDuring(router: Router, work: () => Promise<unknown>): Promise<Wear> {
  const before = await wearOf(router);
  await work();
  const after = await wearOf(router);
  const grown = (of: keyof Wear): number => after[of] - before[of];
  return { bytes: grown('bytes'), flushes: grown('flushes'), fsyncs: grown('fsyncs'), writes: grown('writes') };
}

/** Whether events wait in memory for the audit log. */
async function hasAuditWaiting({ guest }: Router): Promise<boolean> {
  let page: JsonObject = {};
  do {
    const from = page['next'] === undefined ? {} : { segment: page['next'] };
    page = JSON.parse(await guest.run(`ubus call rustynet audit '${JSON.stringify(from)}'`)) as JsonObject;
  } while (page['next'] !== undefined);
  if (typeof page['waiting'] !== 'string') throw new Error(`audit: wanted what waits, got ${JSON.stringify(page)}`);
  return page['waiting'] !== '';
}

/** The daemon writes what waits for its audit log when it ends, and then nothing of that for 10 minutes. */
async function restarted(router: Router): Promise<void> {
  await router.guest.run('/etc/init.d/rustynet restart');
  await router.reaches('enforced', undefined, 120_000);
  await pause(settleMs);
}

async function auditWritten(router: Router): Promise<void> {
  for (const endMs = performance.now() + maxAuditMs; performance.now() < endMs; await pause(10_000))
    if (!(await hasAuditWaiting(router))) return;
  throw new Error(`${router.name}: wanted its audit log on flash within ${maxAuditMs} ms, got events that wait`);
}

/** One member has another key. */
async function change(mesh: Mesh): Promise<void> {
  await mesh.operator('member', 'rotate', changed, '--wireguard', newKeys().wireGuardKey);
  const epoch = await mesh.release();
  await mesh.router('r1').reaches('enforced', epoch, 120_000);
}

async function times(count: number, work: () => Promise<Wear>): Promise<readonly Wear[]> {
  const all: Wear[] = [];
  while (all.length < count) all.push(await work());
  return all;
}

function seriesOf(what: string, wears: readonly Wear[]): readonly Series[] {
  const of = (name: string, key: keyof Wear): Series => ({
    ...{ name: `${what}: ${name}`, unit: 'count' },
    values: wears.map((wear) => wear[key]),
  });
  return [
    of('bytes written to the disk', 'bytes'),
    of('flush requests to the disk', 'flushes'),
    of('fsyncs of the daemon', 'fsyncs'),
    of('writes by its own count', 'writes'),
  ];
}

export async function flash(mesh: Mesh): Promise<readonly Series[]> {
  const r1 = mesh.router('r1');
  const { identityKey, wireGuardKey } = newKeys();
  await mesh.operator('member', 'add', changed, '--identity', identityKey, '--wireguard', wireGuardKey);
  await growTo(mesh, members);
  await countFsyncs(r1);
  await restarted(r1);
  const settled = (work: () => Promise<unknown>): Promise<Wear> =>
    wearDuring(r1, () => work().then(() => pause(settleMs)));
  const each = await times(changes, () => settled(() => change(mesh)));
  await restarted(r1);
  const none = await times(quietTimes, () => settled(() => Promise.resolve()));
  await restarted(r1);
  const row = await settled(async () => {
    for (let count = 0; count < inARow; count += 1) await change(mesh);
    await auditWritten(r1);
  });
  return [
    ...seriesOf('a map', each),
    ...seriesOf(`${settleMs / 1000} s without a map`, none),
    ...seriesOf(`${inARow} maps, and the audit log of them`, [row]),
  ];
}
