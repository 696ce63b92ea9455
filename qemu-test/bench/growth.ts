// What more members cost a router: from the first frame of a map to its proof in the kernel, one member changed; memory
// beside a Node that does nothing; what a map costs of flash. In: a mesh. Out: raw samples.
import { setTimeout as pause } from 'node:timers/promises';
import type { Mesh } from '../topology/mesh.ts';
import type { Router } from '../topology/router.ts';
import { arrivalOf } from '../topology/silence.ts';
import { watch } from '../topology/witness.ts';
import { changeGhosts } from './ghosts.ts';
import { countsOf, memoryOf, type MemoryKb } from './process.ts';
import type { Series } from '../evidence/budgets.ts';

const sizes = [10, 100, 1000, 5000];
const changes = 7;
/** Of a thousand members, at once. */
const many = { members: 1000, others: 100, changes: 5 };
/** A router of the lab takes minutes to begin with 5,000. */
const growMs = 900_000;
/** Until the daemon has given back what the last map took. */
const settleMs = 20_000;

/** Until there are so many; everyone may meet everyone, so each is a peer. */
export async function growTo(mesh: Mesh, members: number): Promise<void> {
  const { members: known } = JSON.parse(await mesh.operator('member', 'list', '--json')) as { members: unknown[] };
  changeGhosts(mesh, members - known.length);
  const epoch = await mesh.release();
  await Promise.all([...mesh.routers.values()].map((router) => router.reaches('enforced', epoch, growMs)));
}

interface Change {
  /** From the map's first frame at r1 to its own word that the kernel shows it. */
  readonly tookUs: number;
  /** As r1 itself says where the time of its last run with something to do went. */
  readonly changeMs: Readonly<Record<string, number>>;
}

/** So many members go, and as many others come. */
async function change(mesh: Mesh, others: number): Promise<Change> {
  const r1 = mesh.router('r1');
  changeGhosts(mesh, others, others);
  await mesh.operator('sign', '--yes');
  const { packets, stop } = watch(mesh.hub);
  const publishedMs = performance.now();
  await mesh.publish();
  await r1.logs(`enforced epoch ${mesh.signedEpoch()}: `, growMs);
  const endMs = performance.now();
  stop();
  const arrival = arrivalOf(packets, publishedMs, r1.index);
  if (arrival === undefined) throw new Error('wanted the map on the WAN, got none');
  const { change_ms: changeMs } = (await r1.status()) as { change_ms: Change['changeMs'] };
  return { tookUs: Math.round(1000 * (endMs - arrival.atMs)), changeMs };
}

async function bareNode(router: Router): Promise<MemoryKb> {
  const { guest } = router;
  const pid = await guest.run("node -e 'setInterval(() => {}, 1e9)' >/dev/null 2>&1 & echo $!; sleep 5");
  const memory = await memoryOf(router, pid.trim());
  await guest.run(`kill ${pid.trim()}`);
  return memory;
}

const parts = ['take back', 'settle', 'look', 'plan', 'apply', 'look again', 'prove', 'lease'];

/** Each part of the run; the rest is the map on its way: received, verified, compiled. */
function partsOf(made: readonly Change[]): readonly (readonly [part: string, us: readonly number[]])[] {
  const rest = made.map(({ tookUs, changeMs }) => {
    const ms = parts.map((part) => changeMs[part] ?? Number.NaN);
    const left = tookUs - 1000 * ms.reduce((total, each) => total + each, 0);
    // Of another run, or of a part that nobody measured.
    if (!(left >= 0)) throw new Error(`wanted parts of ${tookUs} us, got ${JSON.stringify(changeMs)}`);
    return left;
  });
  return [
    ['before the run: received, verified, compiled', rest],
    ...parts.map((part) => [part, made.map(({ changeMs }) => 1000 * (changeMs[part] ?? Number.NaN))] as const),
  ];
}

/** The daemon beside a Node that does nothing. */
async function memories(r1: Router): Promise<readonly (readonly [what: string, kb: number])[]> {
  const [daemon, bare] = [await memoryOf(r1, await r1.daemonPid()), await bareNode(r1)];
  const kinds = { private: 'own', proportional: 'proportional', resident: 'resident' } as const;
  return Object.entries(kinds).flatMap(([word, kind]) => [
    [`${word} memory of the daemon`, daemon[kind]] as const,
    [`${word} memory of a Node that does nothing`, bare[kind]] as const,
  ]);
}

async function grown(mesh: Mesh, members: number): Promise<readonly Series[]> {
  await growTo(mesh, members);
  const r1 = mesh.router('r1');
  const made: Change[] = [];
  const writes: number[] = [];
  const bytes: number[] = [];
  for (let count = 0; count < changes; count += 1) {
    const before = await countsOf(r1);
    made.push(await change(mesh, 1));
    const after = await countsOf(r1);
    writes.push(after.writes - before.writes);
    bytes.push(after.bytes - before.bytes);
  }
  await pause(settleMs);
  const of = (name: string, unit: Series['unit'], values: readonly number[]): Series => ({
    name: `${members} members: ${name}`,
    unit,
    values,
  });
  return [
    of(
      'one changed, from the first frame to the proof',
      'us',
      made.map((each) => each.tookUs),
    ),
    ...partsOf(made).map(([part, values]) => of(`of it, ${part}`, 'us', values)),
    of('flash writes of a map', 'count', writes),
    of('bytes from the broker for a map', 'count', bytes),
    ...(await memories(r1)).map(([what, kb]) => of(what, 'KB', [kb])),
  ];
}

async function manyChanged(mesh: Mesh): Promise<Series> {
  const values: number[] = [];
  for (let count = 0; count < many.changes; count += 1) values.push((await change(mesh, many.others)).tookUs);
  const name = `${many.members} members: ${many.others} changed at once, from the first frame to the proof`;
  return { name, unit: 'us', values };
}

export async function growth(mesh: Mesh): Promise<readonly Series[]> {
  const all: Series[] = [];
  for (const members of sizes) {
    all.push(...(await grown(mesh, members)));
    if (members === many.members) all.push(await manyChanged(mesh));
  }
  return all;
}
