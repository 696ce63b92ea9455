/** Several owners, each with a folder and a key of their own: what they sign together, and what none of them can do alone. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { call, contents, copyOf, done, emptyFolder, json, refused } from './operator.ts';
import { carriedFrom, copies, newOwner, rootsOf, threeOwners, workFactor, type Owners } from './owners.ts';

let owners: Owners;
beforeAll(async () => {
  owners = await threeOwners();
}, 60_000);

describe('two of three owners', () => {
  it('are what one owner made of the network with one of the others, and the map of before still holds', async () => {
    const [, second] = await rootsOf(owners.network);
    expect(second).toMatchObject({
      version: 2,
      root: { threshold: 2, keys: [owners.first, owners.bob.id, owners.carol.id] },
    });
    expect(existsSync(join(owners.network, 'proposed/root-2.json'))).toBe(false);
    expect(await done(owners.network, ['verify'])).toMatchObject({ root: { version: 2 }, map: { epoch: 1 } });
  });

  it('rotate the map key: the file alone is carried, each sees the change, and the last map is retired', async () => {
    const { folder, carol: carols } = copies(owners);
    const { key, id } = await done(folder, ['key', 'new', 'map', ...workFactor]);
    const old = (await rootsOf(folder))[1].map.keys[0];
    const proposal = await done(folder, ['root', 'propose', '--add-map-key', key, '--remove-map-key', old]);
    expect(proposal).toMatchObject({ version: 3, signers: [owners.first], missing: { 2: 1, 3: 1 } });
    const path = carriedFrom(folder);
    const { questions, stdout } = await call(carols, ['root', 'sign', path], { answer: true });
    const [, second] = await rootsOf(folder);
    expect(questions[0]?.split('\n')).toEqual([
      `network ${json(folder, 'network.json').network}, root version 2 ${second.digest}`,
      'this folder has signed for no network yet: compare these two with "root show" of another owner',
      '~ root version 2 => 3',
      `~ map key ${old} => ${id}`,
      `signed so far by ${owners.first}`,
      'Add your signature to root version 3, which ends 2028-01-15 08:00:00 UTC (in 365d)?',
    ]);
    expect(stdout).toBe(`signed root version 3 in ${path}\nenough have signed: root accept, then publish\n`);
    const { stdout: told } = await call(folder, ['root', 'accept', path, '--yes']);
    expect(told).toContain(
      'root version 3 holds in this folder; sign next, then publish: routers refuse maps of before',
    );
    await refused(folder, ['verify'], { code: 'not-signed', message: /of the map keys of root version 3/ });
    await done(folder, ['sign']);
    expect(json(folder, 'signed/map.json').signatures).toMatchObject([{ keyid: id }]);
    expect(await done(folder, ['verify'])).toMatchObject({ root: { version: 3 }, map: { epoch: 2 } });
  });

  it('replace a lost owner: the two that are left outvote the one that is gone', async () => {
    const { folder, carol: carols } = copies(owners);
    const dave = await newOwner();
    await done(folder, ['root', 'propose', '--remove-owner', owners.bob.id, '--add-owner', dave.key]);
    const path = carriedFrom(folder);
    expect(await done(carols, ['root', 'sign', path])).toMatchObject({ missing: { 2: 0, 3: 0 } });
    await done(folder, ['root', 'accept', path]);
    expect((await rootsOf(folder))[2].root).toEqual({ threshold: 2, keys: [owners.first, owners.carol.id, dave.id] });
    await done(folder, ['root', 'propose', '--root-lifetime', '500d']);
    const next = carriedFrom(folder, 4);
    await refused(copies(owners).bob, ['root', 'sign', next, '--yes'], {
      code: 'not-owner',
      message: /wanted a key of an owner/,
    });
    expect(await done(dave.folder, ['root', 'sign', next])).toMatchObject({ missing: { 3: 0, 4: 0 } });
    expect(await done(folder, ['root', 'accept', next])).toMatchObject({ version: 4 });
  });

  it('let an owner replace their own key: the old one signs for the root of before, the new one for the next', async () => {
    const { folder, carol: carols } = copies(owners);
    const { key, id } = await done(folder, ['key', 'new', 'owner', ...workFactor]);
    const proposal = await done(folder, ['root', 'propose', '--remove-owner', owners.first, '--add-owner', key]);
    expect(proposal.signers).toEqual([owners.first, id]);
    const path = carriedFrom(folder);
    await done(carols, ['root', 'sign', path]);
    await done(folder, ['root', 'accept', path]);
    expect(await done(folder, ['root', 'propose', '--root-lifetime', '500d'])).toMatchObject({ signers: [id] });
  });

  it('bring another folder of the network up to date with one file, however far behind it is', async () => {
    const { folder, carol: carols } = copies(owners);
    const behind = copyOf(folder);
    for (const version of [3, 4, 5]) {
      await done(folder, ['root', 'propose', '--root-lifetime', `${400 + version}d`]);
      await done(carols, ['root', 'sign', join(folder, `proposed/root-${version}.json`)]);
      if (version < 5) await done(folder, ['root', 'accept']);
    }
    expect(await done(behind, ['root', 'accept', carriedFrom(folder, 5)])).toMatchObject({ version: 5 });
    expect(await rootsOf(behind)).toHaveLength(5);
    expect(await done(behind, ['verify'])).toMatchObject({ root: { version: 5 } });
  });
});

it('a stolen owner below the threshold makes no root, not even with signatures of keys that it adds itself', async () => {
  const { folder } = copies(owners);
  const thief = copyOf(folder);
  const accomplice = await newOwner();
  const take = ['--add-owner', accomplice.key, '--remove-owner', owners.bob.id, '--remove-owner', owners.carol.id];
  await done(thief, ['root', 'propose', ...take]);
  const path = join(thief, 'proposed/root-3.json');
  await done(accomplice.folder, ['root', 'sign', path]);
  const message = /wanted 2 signers of root version 2, got 1; still to sign: 1 more of the owners of root version 2/;
  await refused(thief, ['root', 'accept', '--yes'], { code: 'too-few-signers', message });
});

describe('key new', () => {
  it('makes a key in an empty folder, encrypted, and shows its public half alone', async () => {
    const folder = emptyFolder();
    const { key, id, file: name } = await done(folder, ['key', 'new', 'owner', ...workFactor]);
    expect(Object.keys(contents(folder))).toEqual([name]);
    expect(contents(folder)[name]).toMatch(/^600 /);
    expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/);
    expect(key).not.toBe(id);
  });
  it('puts a second key beside the owners.first, and replaces none', async () => {
    const { folder, key } = await newOwner();
    const before = contents(folder);
    const second = await newOwner(folder);
    expect(second.key).not.toBe(key);
    expect(contents(folder)).toMatchObject(before);
    expect(Object.keys(contents(folder))).toEqual([`keys/next/${second.id}.age`, 'keys/root.age']);
  });
  it('knows two kinds', async () => {
    const wanted = { code: 'usage', message: /wanted owner or map, got "root"/, exit: 2 };
    await refused(emptyFolder(), ['key', 'new', 'root'], wanted);
  });
});
