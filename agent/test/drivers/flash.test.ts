/** The power fails at every write. What is on flash afterwards is the old state or the new, whole. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fault, type Stored } from '../../src/control/ports.ts';
import { nodeFiles, type Files } from '../../src/drivers/files.ts';
import { openFlash } from '../../src/drivers/flash.ts';
import type { Digest } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { failing, PowerCut } from './power-cut.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const [partA, partB, partC] = ['part a', 'part b', 'part c'].map(bytes) as [Uint8Array, Uint8Array, Uint8Array];
const listed = (...parts: Uint8Array[]): ReadonlyMap<Digest, Uint8Array> =>
  new Map(parts.map((part) => [digestOf(part), part]));
const state = (epoch: number, map: string): Stored => ({
  floors: {
    rootVersion: 1,
    rootDigest: digestOf(bytes('root')),
    minMapRootVersion: 1,
    epoch,
    mapDigest: digestOf(bytes(map)),
    timeUnixS: 1000 + epoch,
  },
  root: bytes('root'),
  map: bytes(map),
});
const [older, newer] = [state(7, 'map 7'), state(8, 'map 8')];
const first: Stored = {
  floors: { rootVersion: 1, rootDigest: digestOf(bytes('root')), minMapRootVersion: 1, epoch: 0, timeUnixS: 1000 },
};

/** Other text of the same length, once. */
function spoil(path: string, text: string, other: string): void {
  const content = readFileSync(path, 'latin1');
  expect(content).toContain(text);
  writeFileSync(path, content.replace(text, other), 'latin1');
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-flash-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const plain = (stored: Stored | undefined): unknown =>
  stored && {
    ...stored,
    root: stored.root && Buffer.from(stored.root).toString(),
    map: stored.map && Buffer.from(stored.map).toString(),
  };

/** So long that they do not lie beside the index. */
const [longA, longB] = ['a', 'b'].map((letter) => bytes(letter.repeat(17_000))) as [Uint8Array, Uint8Array];

function noted(): { readonly files: Files; readonly done: string[] } {
  const done: string[] = [];
  const note = (what: string, path: string): void => void done.push(`${what} ${path.slice(folder.length)}`);
  const files: Files = {
    ...nodeFiles,
    writeSynced: (path, content) => (note('write', path), nodeFiles.writeSynced(path, content)),
    rename: (from, to) => (note('rename', to), nodeFiles.rename(from, to)),
    syncFolder: (path) => (note('sync', path), nodeFiles.syncFolder(path)),
  };
  return { files, done };
}
const filesOf = (): string[] => readdirSync(folder).sort();
const replacing = ['write /floors.new', 'rename /floors', 'sync '];

describe('a map costs two syncs, whatever it changes', () => {
  test('of few parts', () => {
    openFlash(folder).commit(older, listed(partA, partB), [digestOf(partA), digestOf(partB)]);
    const { files, done } = noted();
    openFlash(folder, files).commit(newer, listed(partC), [digestOf(partB), digestOf(partC)]);
    expect(done).toEqual(replacing);
    expect(filesOf()).toEqual(['floors']);
    expect(openFlash(folder).part(digestOf(partA)), 'which is in use no more').toBeUndefined();
    expect(openFlash(folder).part(digestOf(partB))).toBeDefined();
  });
  test('but where many have gathered: they go into a file of their own first, in the place of the one before', () => {
    openFlash(folder).commit(older, listed(longA, partA), [digestOf(longA), digestOf(partA)]);
    const [before] = filesOf().filter((name) => name !== 'floors');
    const { files, done } = noted();
    const flash = openFlash(folder, files);
    flash.commit(newer, listed(partB), [digestOf(longA), digestOf(partB)]);
    expect([filesOf(), done.splice(0)]).toEqual([['floors', before], replacing]);
    flash.commit(newer, listed(longB), [longA, partB, longB].map(digestOf));
    const [after] = filesOf().filter((name) => name !== 'floors');
    expect([after === before, filesOf()]).toEqual([false, ['floors', after]]);
    expect(done).toEqual([`write /${String(after)}`, 'sync ', ...replacing]);
    for (const each of [openFlash(folder), flash]) {
      expect([longA, longB, partB].map((part) => each.part(digestOf(part)))).toEqual(
        [longA, longB, partB].map((part) => Buffer.from(part)),
      );
      expect(each.part(digestOf(partA))).toBeUndefined();
    }
  });
});

describe('a power cut at each operation', () => {
  test.each([
    ['of the first commit at joining', undefined, first, listed()],
    ['of the first map', first, older, listed(partA, partB)],
    ['of the next map, one part of which is new', older, newer, listed(partC)],
    ['of the next map, whose parts are many', older, newer, listed(longA)],
  ])('%s leaves the old or the new state', (_, before, after, parts) => {
    const keep = after === first ? [] : [digestOf(partB), ...parts.keys()];
    let outcomes = '';
    for (const half of [false, true]) {
      for (let at = 1; ; at += 1) {
        const trial = `${folder}/trial`;
        rmSync(trial, { recursive: true, force: true });
        if (before !== undefined)
          openFlash(trial).commit(before, listed(partA, partB), [digestOf(partA), digestOf(partB)]);
        const { files, operations } = failing(at, half);
        let cut = false;
        try {
          openFlash(trial, files).commit(after, parts, keep);
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
          cut = true;
        }
        const again = openFlash(trial);
        const got = plain(again.read());
        const isNew = isDeepStrictEqual(got, plain(after));
        outcomes += isNew ? 'n' : 'o';
        if (!isNew) expect(got, `operation ${at}`).toEqual(plain(before));
        const wanted = isNew
          ? keep
          : before === undefined || before === first
            ? []
            : [digestOf(partA), digestOf(partB)];
        for (const digest of wanted) expect(again.part(digest), `part after operation ${at}`).toBeDefined();
        again.commit(after, listed(partA, partB, partC, ...parts.values()), keep);
        expect(plain(again.read()), 'and goes on').toEqual(plain(after));
        if (!cut) {
          expect(operations()).toBe(at - 1);
          break;
        }
      }
    }
    expect(outcomes).toMatch(/^o+n+o+n+$/);
  });
});

describe('what is there and does not verify is never taken for a first use', () => {
  const damage: [string, (path: string) => void][] = [
    ['floors cut in half', (path) => writeFileSync(`${path}/floors`, readFileSync(`${path}/floors`).subarray(0, 100))],
    ['empty floors', (path) => writeFileSync(`${path}/floors`, '')],
    ['floors of zeros', (path) => writeFileSync(`${path}/floors`, Buffer.alloc(300))],
    [
      'floors with a flipped bit',
      (path) => {
        const content = readFileSync(`${path}/floors`);
        content[20] = (content[20] ?? 0) ^ 1;
        writeFileSync(`${path}/floors`, content);
      },
    ],
    [
      'floors with a smaller epoch, well-formed',
      (path) => {
        const content = readFileSync(`${path}/floors`, 'utf8');
        expect(content).toContain('\\"epoch\\":7');
        writeFileSync(`${path}/floors`, content.replace('\\"epoch\\":7', '\\"epoch\\":6'));
      },
    ],
    ['no floors beside the parts', (path) => rmSync(`${path}/floors`)],
    ['a map with other contents', (path) => spoil(`${path}/floors`, 'map 7', 'map 9')],
    [
      'a map that is cut off',
      (path) => writeFileSync(`${path}/floors`, readFileSync(`${path}/floors`).subarray(0, -3)),
    ],
  ];
  test.each(damage)('%s', (_, harm) => {
    openFlash(folder).commit(older, listed(longA), [digestOf(longA)]);
    harm(folder);
    let fault: unknown;
    try {
      openFlash(folder).read();
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).code).toBe('STORE_CORRUPT');
    expect((fault as Fault).message).toMatch(/wanted .*, got .*; run "rustynet leave"/);
  });
  test('the same folder undamaged is read', () => {
    openFlash(folder).commit(older, listed(partA), [digestOf(partA)]);
    expect(plain(openFlash(folder).read())).toEqual(plain(older));
  });
});

describe('a file of parts is no state of its own: what does not prove itself is missing, and kept again when it comes', () => {
  const apart = (): string => `${folder}/${String(filesOf().find((name) => name !== 'floors'))}`;
  test.each<[string, () => void, boolean]>([
    ['one with a flipped bit', () => spoil(apart(), 'part a', 'part x'), true],
    ['one whose first line is damaged', () => spoil(apart(), 'held', 'hold'), false],
    ['one that is gone', () => rmSync(apart()), false],
  ])('%s', (_, harm, isOtherLeft) => {
    const keep = [digestOf(longA), digestOf(partA)];
    openFlash(folder).commit(older, listed(longA, partA), keep);
    harm();
    const flash = openFlash(folder);
    expect(plain(flash.read())).toEqual(plain(older));
    expect(flash.part(digestOf(partA))).toBeUndefined();
    expect(flash.part(digestOf(longA)) !== undefined).toBe(isOtherLeft);
    flash.commit(newer, listed(partA, longA), keep);
    for (const digest of keep) expect(openFlash(folder).part(digest)).toBeDefined();
  });
});

test('an empty folder is a first use', () => {
  expect(openFlash(folder).read()).toBeUndefined();
  expect(openFlash(`${folder}/none`).read()).toBeUndefined();
});
test('a part with other bytes than its name says is no part', () => {
  const flash = openFlash(folder);
  flash.commit(older, listed(partA), [digestOf(partA)]);
  expect(flash.part(digestOf(partA))).toEqual(Buffer.from(partA));
  spoil(`${folder}/floors`, 'part a', 'part x');
  expect(flash.part(digestOf(partA))).toBeUndefined();
});
test('contents that nothing names any more are removed, with all else that lies there', () => {
  const flash = openFlash(folder);
  flash.commit(older, listed(longA, partB), [digestOf(longA), digestOf(partB)]);
  writeFileSync(`${folder}/floors.new`, 'half of');
  flash.commit(newer, listed(partC), [digestOf(partC)]);
  expect(filesOf()).toEqual(['floors']);
  const text = readFileSync(`${folder}/floors`, 'utf8');
  expect(['map 7', 'part b', 'map 8', 'part c'].map((each) => text.includes(each))).toEqual([false, false, true, true]);
  expect(flash.writes()).toBe(2);
});
test('without a list, every part stays', () => {
  const flash = openFlash(folder);
  flash.commit(older, listed(longA), [digestOf(longA)]);
  flash.commit(older, listed(partB), [longA, partB].map(digestOf));
  flash.commit(newer, listed(), undefined);
  for (const part of [longA, partB]) expect(openFlash(folder).part(digestOf(part))).toBeDefined();
});
test('a copy of the folder is read as the folder: nothing outside it counts', () => {
  openFlash(folder).commit(older, listed(partA), [digestOf(partA)]);
  cpSync(folder, `${folder}-copy`, { recursive: true });
  expect(plain(openFlash(`${folder}-copy`).read())).toEqual(plain(older));
  rmSync(`${folder}-copy`, { recursive: true });
});

test.each([
  ['an older epoch', { epoch: 7 }, /wanted floors of at least .*"epoch":8.*, got .*"epoch":7/],
  ['an older time', { timeUnixS: 1007 }, /"time":1008.*, got .*"time":1007/],
  ['an older root', { rootVersion: 1, epoch: 9 }, /"rootVersion":2.*, got .*"rootVersion":1/],
  ['the same', {}, undefined],
  ['a later root with other map keys', { rootVersion: 3, epoch: 0, mapDigest: undefined }, undefined],
])('floors never fall: %s', (_, fields, refused) => {
  const store = openFlash(folder);
  const floors = { ...newer.floors, rootVersion: 2 };
  store.commit({ ...newer, floors }, listed(partA), undefined);
  const { mapDigest, ...rest } = { ...floors, ...fields };
  const next = { ...newer, floors: { ...rest, ...(mapDigest === undefined ? {} : { mapDigest }) } };
  const commit = (): void => store.commit(next, listed(partA), undefined);
  if (refused === undefined) expect(commit).not.toThrow();
  else expect(commit).toThrow(refused);
  expect(openFlash(folder).read()?.floors).toEqual(refused === undefined ? next.floors : floors);
});
