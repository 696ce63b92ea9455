/** What RUNBOOK.md tells operators to do when a key is lost or stolen: done as it says, and seen from a router. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { maxVersion } from '../../src/trust/limits.ts';
import { topics } from '../../src/trust/topics.ts';
import { copyOf, done, file, json, populated, refused } from './operator.ts';
import { carriedFrom, copies, newOwner, threeOwners, workFactor, type Owners } from './owners.ts';
import { joined, published, type Router } from './router-of-folder.ts';

let owners: Owners;
beforeAll(async () => {
  owners = await threeOwners();
}, 60_000);

/** The network's folder, its owners, and a router with root version 2 and the map of epoch 1. */
async function world() {
  const own = copies(owners);
  const router = await joined(own.folder);
  router.hear(published(own.folder));
  expect(seen(router)).toEqual({ root: 2, epoch: 1 });
  return { ...own, router };
}
const seen = ({ belief, epoch }: Router) => ({ root: belief.floors.rootVersion, epoch: epoch() });

/** As RUNBOOK.md says: a new map key, proposed, signed by a second owner, accepted, and a map of it. */
async function replaceMapKey(folder: string, other: string): Promise<void> {
  const { key } = await done(folder, ['key', 'new', 'map', ...workFactor]);
  const old = (await done(folder, ['root', 'show'])).roots.at(-1).map.keys[0];
  await done(folder, ['root', 'propose', '--add-map-key', key, '--remove-map-key', old]);
  const path = carriedFrom(folder);
  await done(other, ['root', 'sign', path]);
  await done(folder, ['root', 'accept', path]);
  await done(folder, ['sign']);
}

it('a lost map key: the owners name another, and the router takes its maps without being touched', async () => {
  const { folder, bob, router } = await world();
  rmSync(join(folder, 'keys/map.age'));
  await refused(folder, ['sign', '--yes'], { code: 'no-key', message: /wanted the map key at / });
  await replaceMapKey(folder, bob);
  router.hear(published(folder));
  expect(seen(router)).toEqual({ root: 3, epoch: 2 });
});

it('a stolen map key that signed the highest epoch: the next root begins a new count, and its maps are refused', async () => {
  const { folder, carol, router } = await world();
  const thief = copyOf(folder);
  writeFileSync(join(thief, 'network.json'), JSON.stringify({ ...json(thief, 'network.json'), epoch: maxVersion - 1 }));
  await done(thief, ['sign']);
  router.hear(published(thief));
  expect(seen(router)).toEqual({ root: 2, epoch: maxVersion });
  await done(folder, ['sign']);
  router.hear(published(folder));
  expect(router.belief.refusals.last?.refused).toBe('rollback');
  expect(router.epoch()).toBe(maxVersion);
  await replaceMapKey(folder, carol);
  router.hear(published(folder));
  expect(seen(router)).toEqual({ root: 3, epoch: 3 });
  const forged = published(thief).get(topics.map(json(thief, 'network.json').network)) ?? new Uint8Array();
  router.belief.receive({ topic: topics.map(json(thief, 'network.json').network), payload: forged });
  expect(router.belief.refusals.last?.refused).toBe('too-few-signers');
  expect(seen(router)).toEqual({ root: 3, epoch: 3 });
});

it('a lost owner of three: the two that are left name another, and the map in force stays', async () => {
  const { folder, carol, router } = await world();
  const dave = await newOwner();
  await done(folder, ['root', 'propose', '--remove-owner', owners.bob.id, '--add-owner', dave.key]);
  const path = carriedFrom(folder);
  await done(carol, ['root', 'sign', path]);
  await done(folder, ['root', 'accept', path]);
  router.hear(published(folder));
  expect(seen(router)).toEqual({ root: 3, epoch: 1 });
});

it('a stolen owner of three: no root of theirs is believed, and the others put them out', async () => {
  const { folder, bob, carol, router } = await world();
  const accomplice = await newOwner();
  const takeOver = ['--add-owner', accomplice.key, '--remove-owner', owners.bob.id, '--remove-owner', owners.carol.id];
  const thief = copyOf(folder);
  await done(thief, ['root', 'propose', ...takeOver]);
  await done(accomplice.folder, ['root', 'sign', join(thief, 'proposed/root-3.json')]);
  const { proposed } = JSON.parse(readFileSync(join(thief, 'proposed/root-3.json'), 'utf8')) as { proposed: string };
  const topic = topics.root(json(folder, 'network.json').network, 3);
  router.belief.receive({ topic, payload: Buffer.from(proposed, 'base64') });
  expect(router.belief.refusals.last?.refused).toBe('too-few-signers');
  expect(seen(router)).toEqual({ root: 2, epoch: 1 });
  rmSync(join(folder, 'keys/root.age'));
  const helper = copyOf(folder);
  writeFileSync(join(helper, 'keys/root.age'), readFileSync(join(bob, 'keys/root.age')), { mode: 0o600 });
  await done(helper, ['root', 'propose', '--remove-owner', owners.first]);
  const path = carriedFrom(helper);
  await done(carol, ['root', 'sign', path]);
  await done(helper, ['root', 'accept', path]);
  router.hear(published(helper));
  expect(seen(router)).toEqual({ root: 3, epoch: 1 });
});

it('an admin who left: fresh keys under another passphrase, and what the old ones sign is refused', async () => {
  const folder = await populated();
  await done(folder, ['sign']);
  const router = await joined(folder);
  router.hear(published(folder));
  const thief = copyOf(folder);
  const fresh = { env: { RUSTYNET_PASSPHRASE: 'another battery' } };
  await done(folder, ['key', 'passphrase', '--new-passphrase-file', file('another battery'), ...workFactor]);
  await done(folder, ['root', 'rotate', '--map', '--root', ...workFactor], fresh);
  await done(folder, ['sign'], fresh);
  router.hear(published(folder));
  expect(seen(router)).toEqual({ root: 2, epoch: 2 });
  await refused(folder, ['sign', '--yes'], { code: 'wrong-passphrase', message: /keys\/map\.age/ });
  const { network } = json(folder, 'network.json');
  for (const at of [1, 2, 3]) await done(thief, ['sign', '--lifetime', `${at}d`]);
  router.belief.receive({ topic: topics.map(network), payload: readFileSync(join(thief, 'signed/map.json')) });
  expect(router.belief.refusals.last?.refused).toBe('too-few-signers');
  await done(thief, ['root', 'renew', '--root-lifetime', '400d']);
  await done(thief, ['root', 'renew', '--root-lifetime', '500d']);
  router.belief.receive({ topic: topics.root(network, 3), payload: readFileSync(join(thief, 'signed/root/3.json')) });
  expect(router.belief.refusals.last?.refused).toBe('too-few-signers');
  expect(seen(router)).toEqual({ root: 2, epoch: 2 });
});
