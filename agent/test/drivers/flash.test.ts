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

test('a map costs a sync for each content that is new, one for their folder, two for the index, in this order', () => {
  openFlash(folder).commit(older, listed(partA, partB), undefined);
  const done: string[] = [];
  const note = (what: string, path: string): void => void done.push(`${what} ${path.slice(folder.length)}`);
  const files: Files = {
    ...nodeFiles,
    writeSynced: (path, content) => (note('write', path), nodeFiles.writeSynced(path, content)),
    rename: (from, to) => (note('rename', to), nodeFiles.rename(from, to)),
    syncFolder: (path) => (note('sync', path), nodeFiles.syncFolder(path)),
  };
  openFlash(folder, files).commit(newer, listed(partB, partC), undefined);
  const [map, part] = [newer.map ?? bytes(''), partC].map((each) => `/blob/${digestOf(each)}`);
  expect(done).toEqual([
    ...[map, part].flatMap((path) => [`write ${path}.new`, `rename ${path}`]),
    ...['sync /blob', 'write /floors.new', 'rename /floors', 'sync '],
  ]);
});

describe('a power cut at each operation', () => {
  test.each([
    ['of the first commit at joining', undefined, first, listed()],
    ['of the first map', first, older, listed(partA, partB)],
    ['of the next map, one part of which is new', older, newer, listed(partC)],
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
        again.commit(after, listed(partA, partB, partC), keep);
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
    ['no floors beside the contents', (path) => rmSync(`${path}/floors`)],
    ['a map that is gone', (path) => rmSync(`${path}/blob/${digestOf(bytes('map 7'))}`)],
    ['a map with other contents', (path) => writeFileSync(`${path}/blob/${digestOf(bytes('map 7'))}`, 'map 9')],
  ];
  test.each(damage)('%s', (_, spoil) => {
    openFlash(folder).commit(older, listed(partA), [digestOf(partA)]);
    spoil(folder);
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

test('an empty folder is a first use', () => {
  expect(openFlash(folder).read()).toBeUndefined();
  expect(openFlash(`${folder}/none`).read()).toBeUndefined();
});
test('a part with other bytes than its name says is no part', () => {
  const flash = openFlash(folder);
  flash.commit(older, listed(partA), [digestOf(partA)]);
  expect(flash.part(digestOf(partA))).toEqual(Buffer.from(partA));
  writeFileSync(`${folder}/blob/${digestOf(partA)}`, 'other');
  expect(flash.part(digestOf(partA))).toBeUndefined();
});
test('contents that nothing names any more are removed, and those in use are not written again', () => {
  const flash = openFlash(folder);
  flash.commit(older, listed(partA, partB), [digestOf(partA), digestOf(partB)]);
  flash.commit(newer, listed(partB, partC), [digestOf(partB), digestOf(partC)]);
  const names = [bytes('root'), bytes('map 8'), partB, partC].map(digestOf).sort();
  expect(readdirSync(`${folder}/blob`).sort()).toEqual(names);
  expect(flash.writes()).toBe(2);
});
test('a copy of the folder is read as the folder: nothing outside it counts', () => {
  openFlash(folder).commit(older, listed(partA), [digestOf(partA)]);
  cpSync(folder, `${folder}-copy`, { recursive: true });
  expect(plain(openFlash(`${folder}-copy`).read())).toEqual(plain(older));
  rmSync(`${folder}-copy`, { recursive: true });
});
