/**
 * What must survive a power cut, in a folder on flash. In: floors, the root and map envelopes, parts. Out: the same, or
 * Fault `STORE_CORRUPT`. Contents lie in `blob/`, each file named by its SHA-256; the one file `floors` names what is in
 * force and is replaced by rename, after everything it names was synced: a cut at any write leaves the old or the new.
 */
import { createHash } from 'node:crypto';
import { Fault, type Store, type Stored } from '../control/ports.ts';
import { decodeFloors, encodeFloors } from '../trust/floors.ts';
import { readJson } from '../trust/json.ts';
import { isRefusal, refuse, refusing } from '../trust/refuse.ts';
import { record, text } from '../trust/shape.ts';
import type { Digest, Refusal } from '../trust/types.ts';
import { parseDigest } from '../trust/words.ts';
import { nodeFiles, type Files } from './files.ts';

const maxIndexBytes = 4096;
const digestOrNone = text('a SHA-256, hex, or nothing', (value) => (value === '' ? '' : parseDigest(value)));
const anyText = text('text', (value) => value);
const indexShape = record({ floors: anyText, root: digestOrNone, map: digestOrNone });

interface Index {
  readonly floors: string;
  readonly root: Digest | '';
  readonly map: Digest | '';
}

function digestOf(bytes: Uint8Array): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest;
}

function corrupt(path: string, wanted: string): never {
  throw new Fault('STORE_CORRUPT', path, `${path}: ${wanted}; run "rustynet leave", then join again`);
}

/** The index and, on a second line, its SHA-256: half a file or flipped bits are seen. */
function encodeIndex(index: Index): Uint8Array {
  const line = JSON.stringify(index);
  return Buffer.from(`${line}\n${digestOf(Buffer.from(line))}\n`);
}

function decodeIndex(bytes: Uint8Array): Index | Refusal {
  return refusing(() => {
    const [line = '', sum = ''] = Buffer.from(bytes).toString('utf8').split('\n');
    const got = digestOf(Buffer.from(line));
    if (got !== sum) refuse('malformed', `wanted a file with SHA-256 ${sum || 'at its end'}, got ${got}`);
    return indexShape(readJson(Buffer.from(line), maxIndexBytes), 'floors');
  });
}

class Flash implements Store {
  readonly #folder: string;
  readonly #files: Files;
  #writes = 0;

  constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
  }

  get #index(): string {
    return `${this.#folder}/floors`;
  }

  #blob(digest: Digest): string {
    return `${this.#folder}/blob/${digest}`;
  }

  #readIndex(): Index | undefined {
    const bytes = this.#files.read(this.#index);
    if (bytes === undefined) {
      // Contents are only ever there beside an index: without it, something was lost, and this is no first use.
      if (this.#files.list(`${this.#folder}/blob`).length > 0)
        corrupt(this.#index, 'wanted the floors beside the state, got none');
      return undefined;
    }
    const index = decodeIndex(bytes);
    return isRefusal(index) ? corrupt(this.#index, index.detail) : index;
  }

  read(): Stored | undefined {
    const index = this.#readIndex();
    if (index === undefined) return undefined;
    const floors = decodeFloors(Buffer.from(index.floors));
    if (isRefusal(floors)) return corrupt(this.#index, floors.detail);
    const [root, map] = [this.#named(index.root), this.#named(index.map)];
    return { floors, ...(root === undefined ? {} : { root }), ...(map === undefined ? {} : { map }) };
  }

  #named(digest: Digest | ''): Uint8Array | undefined {
    if (digest === '') return undefined;
    const bytes = this.part(digest);
    return bytes ?? corrupt(this.#blob(digest), 'wanted contents with this SHA-256, got none or others');
  }

  part(digest: Digest): Uint8Array | undefined {
    const bytes = this.#files.read(this.#blob(digest));
    return bytes !== undefined && digestOf(bytes) === digest ? bytes : undefined;
  }

  commit({ floors, root, map }: Stored, parts: ReadonlyMap<Digest, Uint8Array>, keep?: readonly Digest[]): void {
    this.#files.makeFolder(`${this.#folder}/blob`);
    const blobs = [root, map].map((bytes) => (bytes === undefined ? undefined : ([digestOf(bytes), bytes] as const)));
    const [rootBlob, mapBlob] = blobs;
    this.#keep([...blobs.filter((blob) => blob !== undefined), ...parts]);
    const index = {
      floors: Buffer.from(encodeFloors(floors)).toString(),
      root: rootBlob?.[0] ?? '',
      map: mapBlob?.[0] ?? '',
    } as const;
    this.#write(this.#index, encodeIndex(index));
    this.#files.syncFolder(this.#folder);
    this.#writes += 1;
    if (keep !== undefined) this.#collect(new Set<string>([...keep, index.root, index.map]));
  }

  /** One sync of the folder for all of them: nothing names them before the index does. */
  #keep(blobs: readonly (readonly [Digest, Uint8Array])[]): void {
    const fresh = blobs.filter(([digest]) => this.part(digest) === undefined);
    for (const [digest, bytes] of fresh) this.#write(this.#blob(digest), bytes);
    if (fresh.length > 0) this.#files.syncFolder(`${this.#folder}/blob`);
  }

  #write(path: string, bytes: Uint8Array): void {
    this.#files.writeSynced(`${path}.new`, bytes);
    this.#files.rename(`${path}.new`, path);
  }

  #collect(keep: ReadonlySet<string>): void {
    for (const name of this.#files.list(`${this.#folder}/blob`)) {
      if (!keep.has(name)) this.#files.remove(`${this.#folder}/blob/${name}`);
    }
  }

  clear(): void {
    this.#files.removeFolder(this.#folder);
    this.#writes += 1;
  }

  writes(): number {
    return this.#writes;
  }
}

export function openFlash(folder: string, files: Files = nodeFiles): Store {
  return new Flash(folder, files);
}
