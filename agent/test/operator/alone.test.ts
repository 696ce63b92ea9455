/** One at a time in a folder: also where a process died in it, or another computer has it. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { alone } from '../../src/operator/alone.ts';
import { Folder } from '../../src/operator/folder.ts';
import { addArgs, call, emptyFolder, json, network } from './operator.ts';

let folder: string;
beforeEach(async () => {
  folder = await network();
});
const marks = (): string[] => readdirSync(folder).filter((name) => name.startsWith('.at-work-'));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('alone in a folder', () => {
  it('50 that count in a file lose no count, and leave nothing behind', async () => {
    const path = join(folder, 'count');
    writeFileSync(path, '0');
    const count = async (): Promise<void> => {
      const before = Number(readFileSync(path, 'utf8'));
      await pause(1);
      writeFileSync(path, String(before + 1));
    };
    await Promise.all(Array.from({ length: 50 }, () => alone(new Folder(folder), count, 60_000)));
    expect(readFileSync(path, 'utf8')).toBe('50');
    expect(marks()).toEqual([]);
  });

  it('ten routers that are added at once by hand are all there', async () => {
    const names = Array.from({ length: 10 }, (_, at) => `r${at}`);
    const outcomes = await Promise.all(names.map((name) => call(folder, addArgs(name))));
    expect(outcomes.map(({ code }) => code)).toEqual(names.map(() => 0));
    expect(json(folder, 'members.json').members).toHaveLength(10);
  });

  it('work that fails makes room for the next', async () => {
    const failing = alone(new Folder(folder), () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    expect(await alone(new Folder(folder), () => 'next', 100)).toBe('next');
  });

  it('the mark of a process that is gone is nobody', async () => {
    const { pid } = spawnSync('true');
    writeFileSync(join(folder, `.at-work-${hostname()}-${pid}-abcdef`), '');
    expect(await alone(new Folder(folder), () => marks().length, 100)).toBe(1);
    expect(marks()).toEqual([]);
  });

  it.each([
    ['a process that runs', `.at-work-${hostname()}-${process.ppid}-abcdef`],
    ['another computer', `.at-work-elsewhere.example-1-abcdef`],
  ])('the mark of %s is waited for, and named in the end', async (_, mark) => {
    writeFileSync(join(folder, mark), '');
    const busy = alone(new Folder(folder), () => 'never', 200);
    await expect(busy).rejects.toMatchObject({ code: 'busy', message: expect.stringContaining(join(folder, mark)) });
    expect(marks()).toEqual([mark]);
  });

  it('without a network there is nothing to be alone in', async () => {
    const path = emptyFolder();
    expect(await alone(new Folder(join(path, 'new')), () => 'made')).toBe('made');
    expect(readdirSync(path)).toEqual([]);
  });
});
