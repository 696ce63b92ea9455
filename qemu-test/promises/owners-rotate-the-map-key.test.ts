// A map key was stolen and its maps went as high as an epoch goes. Two of three owners replace it, each on a machine of
// their own: the kernels drop whom the thief let in, also on a router that was away for five root versions.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import { maxVersion } from '../../agent/src/trust/limits.ts';
import { topics } from '../../agent/src/trust/topics.ts';
import type { Digest } from '../../agent/src/trust/types.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { operatorInProcess as operator } from '../topology/operator.ts';
import type { Router } from '../topology/router.ts';

let mesh: Mesh;
let honest: string;
let thief: string;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  honest = join(mesh.folder, 'network');
  thief = mkdtempSync(join(tmpdir(), 'lab-thief-'));
  cpSync(honest, thief, { recursive: true });
});
afterAll(() => mesh.stop());

const rawOf = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');

/** A member that has no router here; gives its WireGuard key, by which kernels list it. */
async function addStranger(folder: string, name: string): Promise<string> {
  const identity = rawOf(generateKeyPairSync('ed25519').publicKey).toString('hex');
  const wireGuard = rawOf(generateKeyPairSync('x25519').publicKey).toString('base64');
  await operator(folder, ['member', 'add', name, '--identity', identity, '--wireguard', wireGuard]);
  return wireGuard;
}

const kernelPeers = async ({ guest }: Router): Promise<string[]> =>
  (await guest.run('wg show rn0 peers')).split('\n').filter(Boolean).sort();
const ownKey = async ({ guest }: Router): Promise<string> => (await guest.run('wg show rn0 public-key')).trim();

async function newKey(kind: 'owner' | 'map', folder = mkdtempSync(join(tmpdir(), 'lab-owner-'))) {
  const made = await operator(folder, ['key', 'new', kind, '--work-factor', '15', '--json']);
  return { folder, key: (JSON.parse(made) as { key: string }).key };
}

/** One owner proposes, another signs what was carried, and it holds in the network's folder. */
async function agree(version: number, other: string, ...change: readonly string[]): Promise<void> {
  await operator(honest, ['root', 'propose', '--yes', ...change]);
  await operator(other, ['root', 'sign', '--yes', join(honest, `proposed/root-${version}.json`)]);
  await operator(honest, ['root', 'accept', '--yes']);
}

/** The thief has the broker, too: parts, and then the map. */
async function sayThiefsMap(): Promise<void> {
  const parts = join(thief, 'signed/parts');
  for (const name of readdirSync(parts)) {
    await mesh.broker.say(topics.part(mesh.network, name as Digest), readFileSync(join(parts, name)));
  }
  await mesh.broker.say(topics.map(mesh.network), readFileSync(join(thief, 'signed/map.json')));
}

let spy: string;
let guest: string;

test('whoever stole the only map key lets a spy in, at the highest epoch there is', async () => {
  const settings = JSON.parse(readFileSync(join(thief, 'network.json'), 'utf8')) as object;
  writeFileSync(join(thief, 'network.json'), JSON.stringify({ ...settings, epoch: maxVersion - 1 }));
  spy = await addStranger(thief, 'spy');
  await operator(thief, ['sign', '--yes']);
  mesh.hub.cut('r2');
  await sayThiefsMap();
  const r1 = mesh.router('r1');
  await r1.reaches('enforced', maxVersion);
  expect(await kernelPeers(r1)).toContain(spy);
});

test('two of three owners replace the key: kernels list the members of the next map and no spy, after five roots, too', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const [bob, carol] = [await newKey('owner'), await newKey('owner')];
  const { root, map } = JSON.parse(await operator(honest, ['root', 'show', '--json'])).roots[0];
  expect([root.threshold, map.keys.length]).toEqual([1, 1]);
  const { key } = await newKey('map', honest);
  await agree(2, bob.folder, '--add-owner', bob.key, '--add-owner', carol.key, '--owner-threshold', '2');
  await agree(3, carol.folder, '--add-map-key', key, '--remove-map-key', map.keys[0]);
  for (const version of [4, 5, 6]) await agree(version, bob.folder, '--root-lifetime', `${400 + version}d`);
  guest = await addStranger(honest, 'guest');
  await mesh.operator('sign', '--yes');
  const { digest } = (JSON.parse(await operator(thief, ['show', '--json'])) as { map: { digest: string } }).map;
  await expect(mesh.publish()).rejects.toThrow(`publish --replace ${digest}`);
  await mesh.operator('publish', ...mesh.operatorLogin, '--replace', digest);
  const epoch = mesh.signedEpoch();
  expect(epoch).toBeLessThan(10);
  expect(await r1.reaches('enforced', epoch)).toMatchObject({ floors: { root_version: 6, epoch } });
  const [key1, key2] = [await ownKey(r1), await ownKey(r2)];
  expect(await kernelPeers(r1)).toEqual([key2, guest].sort());
  expect(await kernelPeers(r2)).toEqual([key1]);
  mesh.hub.restore('r2');
  expect(await r2.reaches('enforced', epoch, 120_000)).toMatchObject({ floors: { root_version: 6, epoch } });
  expect(await kernelPeers(r2)).toEqual([key1, guest].sort());
  await r1.contacts(r2.hostAddress);
  expect(await r1.hostPings(r2.hostAddress, 5)).toEqual({ sent: 5, received: 5 });
});

test('maps of the stolen key are refused from then on and no kernel moves; the next honest one is taken', async () => {
  const routers = [mesh.router('r1'), mesh.router('r2')];
  const before = await Promise.all(routers.map(kernelPeers));
  const refusedOf = ({ refusals }: JsonObject): number => (refusals as Record<string, number>)['too-few-signers'] ?? 0;
  const counts = await Promise.all(routers.map(async (router) => refusedOf(await router.status())));
  await sayThiefsMap();
  for (const [at, router] of routers.entries()) {
    await router.until((status) => refusedOf(status) > (counts[at] ?? 0), 'a refused map of the stolen key');
  }
  expect(await Promise.all(routers.map(kernelPeers))).toEqual(before);
  await mesh.operator('member', 'remove', 'guest');
  const epoch = await mesh.release();
  for (const router of routers) {
    await router.reaches('enforced', epoch);
    const peers = await kernelPeers(router);
    expect([peers.length, peers.includes(spy), peers.includes(guest)]).toEqual([1, false, false]);
  }
});
