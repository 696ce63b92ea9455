// What more members cost a router: from the first frame of a map to its proof in the kernel, one member changed; memory
// beside a Node that does nothing; what the daemon does while nothing happens; what a map costs of flash. In: a mesh, how
// many members. Out: raw samples.
import { randomBytes } from 'node:crypto';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import type { Mesh } from '../topology/mesh.ts';
import type { Router } from '../topology/router.ts';
import { arrivalOf } from '../topology/silence.ts';
import { watch } from '../topology/witness.ts';
import type { Series } from './series.ts';

const changes = 7;
const idleS = 60;
const settleS = 10;
const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function addGhost(mesh: Mesh, name: string): Promise<void> {
  const identity = Buffer.from(ed25519.getPublicKey(randomBytes(32))).toString('hex');
  const wireGuard = Buffer.from(x25519.getPublicKey(randomBytes(32))).toString('base64');
  await mesh.operator('member', 'add', name, '--identity', identity, '--wireguard', wireGuard);
}

/** Until there are so many; everyone may meet everyone, so each is a peer. */
export async function growTo(mesh: Mesh, members: number): Promise<void> {
  const { members: known } = JSON.parse(await mesh.operator('member', 'list', '--json')) as { members: unknown[] };
  for (let count = known.length; count < members; count += 1) await addGhost(mesh, `ghost-${count}`);
  const epoch = await mesh.release();
  await Promise.all([...mesh.routers.values()].map((router) => router.reaches('enforced', epoch, 300_000)));
}

/** One member is replaced; milliseconds from the map's first frame at r1 to its own word that the kernel shows it. */
async function changeMs(mesh: Mesh, change: number): Promise<number> {
  const r1 = mesh.router('r1');
  if (change > 0) await mesh.operator('member', 'remove', `changed-${change - 1}`);
  await addGhost(mesh, `changed-${change}`);
  await mesh.operator('sign', '--yes');
  const { packets, stop } = watch(mesh.hub);
  const publishedMs = performance.now();
  await mesh.publish();
  await r1.logs(`enforced epoch ${mesh.signedEpoch()}: `, 120_000);
  const endMs = performance.now();
  stop();
  const arrival = arrivalOf(packets, publishedMs, r1.index);
  if (arrival === undefined) throw new Error('wanted the map on the WAN, got none');
  return endMs - arrival.atMs;
}

async function privateKb({ guest }: Router, pid: string): Promise<number> {
  const text = await guest.run(`grep -E '^Private_(Clean|Dirty):' /proc/${pid}/smaps_rollup`);
  return [...text.matchAll(/(\d+) kB/g)].reduce((sum, [, kb]) => sum + Number(kb), 0);
}

async function bareNodeKb(router: Router): Promise<number> {
  const { guest } = router;
  const pid = await guest.run("node -e 'setInterval(() => {}, 1e9)' >/dev/null 2>&1 & echo $!; sleep 5");
  const kb = await privateKb(router, pid.trim());
  await guest.run(`kill ${pid.trim()}`);
  return kb;
}

interface Activity {
  readonly cpuTicks: number;
  readonly switches: number;
  readonly flashWrites: number;
}

async function activityOf(router: Router, pid: string): Promise<Activity> {
  const text = await router.guest.run(
    `awk '{ print $14 + $15 }' /proc/${pid}/stat; grep ^voluntary /proc/${pid}/status | cut -f2`,
  );
  const [cpuTicks = Number.NaN, switches = Number.NaN] = text.split('\n').map(Number);
  return { cpuTicks, switches, flashWrites: Number((await router.status())['flash_writes']) };
}

export async function growth(mesh: Mesh, members: number): Promise<readonly Series[]> {
  await growTo(mesh, members);
  const r1 = mesh.router('r1');
  const of = (name: string, unit: string, values: readonly number[]): Series => ({
    name: `${members} members: ${name}`,
    unit,
    values,
  });
  const pid = await r1.daemonPid();
  const before = await activityOf(r1, pid);
  const tookMs: number[] = [];
  for (let change = 0; change < changes; change += 1) tookMs.push(await changeMs(mesh, change));
  const changed = await activityOf(r1, pid);
  await mesh.operator('member', 'remove', `changed-${changes - 1}`);
  await pause(settleS);
  const start = await activityOf(r1, pid);
  await pause(idleS);
  const end = await activityOf(r1, pid);
  const kb = await privateKb(r1, pid);
  return [
    of('one changed, from the first frame to the proof', 'ms', tookMs),
    of('flash writes a map', '', [(changed.flashWrites - before.flashWrites) / changes]),
    of('private memory of the daemon', 'KB', [kb]),
    of('more than a Node that does nothing', 'KB', [kb - (await bareNodeKb(r1))]),
    of('CPU of an idle minute', 'ticks of 10 ms', [end.cpuTicks - start.cpuTicks]),
    of('voluntary switches of an idle minute', '', [end.switches - start.switches]),
    of('flash writes of an idle minute', '', [end.flashWrites - start.flashWrites]),
  ];
}
