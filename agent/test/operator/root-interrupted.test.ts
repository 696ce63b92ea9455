/** A run that is cut off between two writes: the folder has the old root or the whole of the new one, and loses no key. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Folder } from '../../src/operator/folder.ts';
import { call, copyOf, done, populated, type Answer } from './operator.ts';

const rotate = ['root', 'rotate', '--work-factor', '15'];
let signed = '';
let rotated = '';
beforeAll(async () => {
  signed = await populated();
  await done(signed, ['sign']);
  rotated = copyOf(signed);
  await done(rotated, [...rotate, '--map']);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The disk is full from the write after `good` ones on. Gives how many were asked for. */
function cutAfter(good: number): () => number {
  let asked = 0;
  for (const verb of ['write', 'writeNew', 'remove'] as const) {
    const real = Folder.prototype[verb] as (...args: unknown[]) => void;
    vi.spyOn(Folder.prototype, verb).mockImplementation(function (this: Folder, ...args: unknown[]) {
      asked += 1;
      if (asked > good) throw Object.assign(new Error('no space left'), { syscall: 'write', code: 'ENOSPC' });
      real.apply(this, args);
    });
  }
  return () => asked;
}

/** Runs the call cut off after 0, 1, 2... writes, until it is no longer cut; gives how often it was. */
async function eachCut(from: string, argv: readonly string[], judge: (folder: string) => Promise<void>) {
  for (let good = 0; ; good += 1) {
    const folder = copyOf(from);
    cutAfter(good);
    const { code, stdout } = await call(folder, [...argv, '--yes', '--json']);
    vi.restoreAllMocks();
    if (code === 0) return good;
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'ENOSPC', message: 'no space left' } });
    await judge(folder);
  }
}

async function verdict(folder: string): Promise<string> {
  const { stdout } = await call(folder, ['verify', '--json']);
  return JSON.parse(stdout).error?.code ?? 'ok';
}
const keysOf = (folder: string): string[] => readdirSync(join(folder, 'keys'), { recursive: true }).map(String).sort();
const versionOf = async (folder: string): Promise<number> => (await done(folder, ['root', 'show'])).roots.length;

/** Both keys of the newest root are there and sign. */
async function requireWhole(folder: string): Promise<void> {
  await done(folder, ['sign']);
  await done(folder, ['root', 'renew', '--root-lifetime', '400d']);
  expect(await verdict(folder)).toBe('ok');
}

describe('after a cut at any write', () => {
  it('root renew: the folder verifies, and the same call goes through', async () => {
    const cuts = await eachCut(signed, ['root', 'renew', '--root-lifetime', '400d'], async (folder) => {
      expect({ verdict: await verdict(folder), version: await versionOf(folder) }).toEqual({
        verdict: 'ok',
        version: 1,
      });
      await done(folder, ['root', 'renew', '--root-lifetime', '400d']);
      expect({ verdict: await verdict(folder), version: await versionOf(folder) }).toEqual({
        verdict: 'ok',
        version: 2,
      });
    });
    expect(cuts).toBe(1);
  });

  it('root rotate --root: the folder verifies, and the newest owner can sign', async () => {
    const versions: number[] = [];
    const cuts = await eachCut(signed, [...rotate, '--root'], async (folder) => {
      expect(await verdict(folder)).toBe('ok');
      versions.push(await versionOf(folder));
      await requireWhole(folder);
    });
    expect({ cuts, versions }).toEqual({ cuts: 5, versions: [1, 1, 2, 2, 2] });
  });

  it('root rotate --map --root: the old root with the old map, or the new root, which asks for a new map', async () => {
    const seen: string[] = [];
    const cuts = await eachCut(signed, [...rotate, '--map', '--root'], async (folder) => {
      seen.push(`${await versionOf(folder)} ${await verdict(folder)}`);
      await requireWhole(folder);
    });
    expect(cuts).toBe(9);
    expect(seen).toEqual([...Array(3).fill('1 ok'), ...Array(6).fill('2 not-signed')]);
  });

  it('root rotate --map: sign or the next rotation puts the keys in their places, and keeps the old ones', async () => {
    const wanted = (roots: Answer): string[] =>
      roots.slice(0, -1).flatMap(({ map }: Answer) => map.keys.map((id: string) => `retired/${id}.age`));
    const cuts = await eachCut(signed, [...rotate, '--map'], async (folder) => {
      const again = copyOf(folder);
      await done(folder, ['sign']);
      await done(again, [...rotate, '--map']);
      await done(again, ['sign']);
      for (const each of [folder, again]) {
        expect(await verdict(each)).toBe('ok');
        const { roots } = await done(each, ['root', 'show']);
        expect(keysOf(each)).toEqual(expect.arrayContaining(['map.age', 'root.age', ...wanted(roots)]));
      }
    });
    expect(cuts).toBe(5);
  });

  it('the first sign after a rotation: the same call goes through', async () => {
    const cut = copyOf(signed);
    cutAfter(2);
    await call(cut, [...rotate, '--map', '--yes']);
    vi.restoreAllMocks();
    for (const from of [rotated, cut]) {
      const cuts = await eachCut(from, ['sign'], async (folder) => {
        expect(await verdict(folder)).toBe('not-signed');
        await done(folder, ['sign']);
        expect(await verdict(folder)).toBe('ok');
        expect(keysOf(folder).filter((name) => name.startsWith('next/'))).toEqual([]);
      });
      expect(cuts).toBe(from === rotated ? 3 : 6);
    }
  });
});

it("a key that a cut left without a root is named by root show, and is in nobody's way", async () => {
  const folder = copyOf(signed);
  cutAfter(1);
  await call(folder, [...rotate, '--map', '--yes']);
  vi.restoreAllMocks();
  const [stray = ''] = keysOf(folder).filter((name) => name.startsWith('next/'));
  const { warnings } = await done(folder, ['root', 'show']);
  expect(warnings).toEqual([expect.stringContaining(`keys/${stray} is of no root`)]);
  await done(folder, [...rotate, '--map']);
  await done(folder, ['sign']);
  expect(keysOf(folder)).toContain(stray);
  expect(await verdict(folder)).toBe('ok');
});

it('two that make the next root at the same time: the second one is refused and replaces nothing', async () => {
  const folder = copyOf(signed);
  const real = Folder.prototype.writeNew;
  const theirs = copyOf(signed);
  await done(theirs, ['root', 'renew', '--root-lifetime', '500d']);
  const root = new Folder(theirs).read('signed/root/2.json') ?? new Uint8Array();
  vi.spyOn(Folder.prototype, 'writeNew').mockImplementationOnce(function (this: Folder, name, content, mode) {
    this.write(name, root);
    real.call(this, name, content, mode);
  });
  const { stdout } = await call(folder, ['root', 'renew', '--root-lifetime', '400d', '--yes', '--json']);
  expect(JSON.parse(stdout).error).toMatchObject({
    code: 'exists',
    message: expect.stringMatching(/root\/2\.json, got/),
  });
  expect(new Folder(folder).read('signed/root/2.json')).toEqual(root);
});
