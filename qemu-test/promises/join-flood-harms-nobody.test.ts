// A flood of join requests: a live flow between members loses nothing, the operator's service stays within its bounds of
// memory and time, and an honest router in the middle of it is let in, in the kernel of a member.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxJoinBytes } from '../../agent/src/trust/limits.ts';
import type { InviteSecret } from '../../agent/src/trust/types.ts';
import { asks } from '../../agent/test/operator/joiner.ts';
import { buildOperator, operatorBundle } from '../../bundle/build.ts';
import { flood, say } from '../topology/askers.ts';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

const floodS = 40;
const clients = 16;
/** As in adding-a-peer-disturbs-nobody: what the emulation itself may lose. */
const lostByEmulation = 1 / 20_000;
/** Of the whole process, with the passphrase's own 32 MB. */
const maxRssMb = 250;
/** Of one core. */
const maxShareOfCore = 0.5;

let mesh: Mesh;
let service: ChildProcess | undefined;
let said = '';
beforeAll(async () => {
  await buildOperator();
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  const argv = [operatorBundle, 'serve', ...mesh.operatorLogin, '--network', `${mesh.folder}/network`];
  const env = { ...process.env, RUSTYNET_PASSPHRASE: 'a passphrase of the lab' };
  service = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  service.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
});
afterAll(async () => {
  service?.kill('SIGTERM');
  await mesh.stop();
});

const rssMb = (): number =>
  Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${service?.pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
/** Fields 14 and 15 of /proc/PID/stat (proc(5)), behind the name in brackets; 100 ticks a second. */
function cpuS(): number {
  const fields = readFileSync(`/proc/${service?.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

test('a live flow loses nothing, the service keeps its bounds, and an honest router is let in meanwhile', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await expect.poll(() => said, { timeout: 60_000 }).toContain('published epoch');
  const invite = await mesh.invite('--name', 'attic', '--ttl', '1h');
  const place = { url: mesh.broker.hostUrl, ca: readFileSync(mesh.caFile, 'utf8') };
  const flow = await Flow.start(r1, r2.hostAddress);
  const [beganMs, beganCpuS] = [performance.now(), cpuS()];
  const stranger = asks(invite, 'stranger', randomBytes(32).toString('hex') as InviteSecret);
  // By turns: nothing that can be read, what is well-formed and of nobody, too much.
  const rubbish = [randomBytes(700), stranger.payload, randomBytes(maxJoinBytes + 500)];
  const flooding = await flood(place, mesh.network, clients, (_, count) => rubbish[count % 3] ?? randomBytes(1));
  const seen: number[] = [];
  const honest = asks(invite, 'honest');
  let asked: Promise<void> | undefined;
  while (performance.now() - beganMs < floodS * 1000) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    seen.push(rssMb());
    if (performance.now() - beganMs > 10_000) asked ??= say(place, honest.node, honest.topic, honest.payload);
  }
  const seconds = (performance.now() - beganMs) / 1000;
  const share = (cpuS() - beganCpuS) / seconds;
  await asked;
  await expect.poll(() => said, { timeout: 60_000 }).toContain(`let in attic, node ${honest.node}`);
  await expect
    .poll(async () => r1.guest.run('wg show rn0 peers'), { timeout: 60_000 })
    .toContain(honest.request.wireGuardKey);
  await flooding.stop();
  const summary = await flow.stop();
  const most = Math.max(...seen);
  console.warn(
    `${flooding.sent()} requests in ${seconds.toFixed(0)} s; the service: ${most.toFixed(0)} MB at most, ${seen[0]?.toFixed(0)} at first, ${(share * 100).toFixed(0)} % of a core; the flow: ${summary.sent} sent, ${summary.lost.length} lost`,
  );
  expect(flooding.sent()).toBeGreaterThan(clients * 50);
  expect(summary.sent).toBeGreaterThan(floodS * 50);
  expect(summary.lost.length).toBeLessThanOrEqual(summary.sent * lostByEmulation);
  expect(most).toBeLessThan(maxRssMb);
  expect(share).toBeLessThan(maxShareOfCore);
}, 400_000);
