// What the daemon does while nothing happens, an hour long, with 100 members: minute by minute. In: a mesh. Out: raw samples.
import { setTimeout as pause } from 'node:timers/promises';
import type { Series } from '../evidence/budgets.ts';
import type { Mesh } from '../topology/mesh.ts';
import { growTo } from './growth.ts';
import { countsOf, memoryOf, workOf } from './process.ts';

const members = 100;
const minutes = 60;
const settleMs = 60_000;

export async function idle(mesh: Mesh): Promise<readonly Series[]> {
  await growTo(mesh, members);
  const r1 = mesh.router('r1');
  const pid = await r1.daemonPid();
  await pause(settleMs);
  const rows = { switches: [] as number[], ticks: [] as number[], writes: [] as number[], kb: [] as number[] };
  // Asking for its status is work of the daemon's own: the kernel is asked each minute, the daemon only before and after.
  const { writes: writesBefore } = await countsOf(r1);
  await pause(settleMs);
  let before = await workOf(r1, pid);
  for (let minute = 0; minute < minutes; minute += 1) {
    await pause(60_000);
    const now = await workOf(r1, pid);
    rows.switches.push(now.switches - before.switches);
    rows.ticks.push(now.ticks - before.ticks);
    rows.kb.push((await memoryOf(r1, pid)).own);
    before = now;
  }
  rows.writes.push((await countsOf(r1)).writes - writesBefore);
  return [
    { name: 'voluntary switches of an idle minute', unit: 'count', values: rows.switches },
    { name: 'processor time of an idle minute', unit: 'tick', values: rows.ticks },
    { name: 'flash writes of an idle hour', unit: 'count', values: rows.writes },
    { name: 'private memory in an idle hour', unit: 'KB', values: rows.kb },
  ];
}
