// Meshes that are made once and saved: booted, or formed. In: names of routers. Out: a mesh that goes on from the saved one
// with its own disks, in seconds.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../harness/socket.ts';
import { createHub } from '../harness/hub.ts';
import type { LabImage } from '../image/build.ts';
import { loadBroker } from './broker.ts';
import { kept } from './kept.ts';
import { admitAll, bootMesh, buildLab, isFormed, Mesh, ownFolders, type Lab, type MeshOptions } from './mesh.ts';
import { operatorInProcess } from './operator.ts';
import { loadRouter } from './router.ts';

/** All that any promise starts from; a mesh may have fewer of them. */
const bootedRouters = ['r1', 'r2', 'r3'];

async function savedBooted({ settings = [] }: MeshOptions, { digest }: Lab): Promise<string> {
  const options = { routers: bootedRouters, settings };
  return kept(digestOf('booted', options, digest), (into) =>
    timed(`booted and saved ${bootedRouters.join(' ')}`, async () => {
      const mesh = await bootMesh(options);
      const routers = [...mesh.routers.values()];
      await Promise.all(routers.map((router) => router.reaches('closed')));
      await mesh.save(into);
      await mesh.stop();
    }),
  );
}

/** A mesh that has booted and that nobody has joined, in seconds: this one goes on from a saved one with its own disks. */
export async function bootedMesh(options: MeshOptions): Promise<Mesh> {
  const lab = await buildLab();
  const saved = await savedBooted(options, lab);
  return timed(`loaded ${options.routers.join(' ')}, booted`, () => loadMesh(options, lab, saved));
}

/** The same of one that has formed: everyone has joined, and reaches everyone. */
export async function formMesh(options: MeshOptions): Promise<Mesh> {
  const lab = await buildLab();
  const booted = await savedBooted(options, lab);
  const saved = await kept(digestOf('formed', options, lab.digest), (into) =>
    timed(`formed and saved ${options.routers.join(' ')}`, async () => {
      const mesh = await loadMesh(options, lab, booted);
      await admitAll(mesh);
      await mesh.save(into);
      await mesh.stop();
    }),
  );
  return timed(`loaded ${options.routers.join(' ')}, formed`, async () => {
    const mesh = await loadMesh(options, lab, saved);
    await isFormed(mesh);
    return mesh;
  });
}

async function loadMesh(options: MeshOptions, { image, routerImage }: Lab, saved: string): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), 'lab-'));
  for (const name of ownFolders) cpSync(join(saved, name), join(folder, name), { recursive: true });
  const mesh = new Mesh(folder, createHub(folder), options.operator ?? operatorInProcess);
  const hostPort = await freePort();
  const place = (name: string, from: LabImage) => ({ image: from, folder, hub: mesh.hub.port(name) });
  const [broker, ...loaded] = await Promise.all([
    loadBroker({ ...place('broker', image), hostPort }, readFileSync(mesh.caFile, 'utf8'), saved),
    ...options.routers.map((name, at) => loadRouter(name, at + 1, place(name, routerImage), saved)),
  ]);
  mesh.take(broker, loaded);
  await Promise.all(mesh.guests.map((guest) => guest.resume()));
  return mesh;
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  console.warn(`mesh: ${what} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  return result;
}

/** Of all that a saved mesh follows from: how far it came, the options, what was built, how it is run, and by which QEMU. */
function digestOf(stage: string, { routers, settings = [] }: MeshOptions, built: string): string {
  const qemu = execFileSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' });
  const hash = createHash('sha256').update(JSON.stringify({ stage, routers, settings, built, qemu }));
  for (const folder of [import.meta.dirname, join(import.meta.dirname, '../harness')]) {
    const sources = readdirSync(folder).filter((name) => !name.endsWith('.test.ts'));
    for (const name of sources.sort()) hash.update(`${name}\0`).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex');
}
