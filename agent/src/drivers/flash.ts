/**
 * What must survive a power cut, in a folder on flash. In: floors, the root and map envelopes, parts. Out: the same, or
 * Fault `STORE_CORRUPT`, or `STORE_FLOORS` for floors below those on flash. The file `floors` has all that changes at
 * once, and is replaced by rename: a cut at any write leaves the old or the new, and a map costs two syncs, whatever it
 * changes. New parts gather in it until they are many; then all of them go into a file of their own, which `floors` names.
 */
import { Fault, type Store, type Stored } from '../control/ports.ts';
import { areBelow, decodeFloors, encodeFloors } from '../trust/floors.ts';
import { isRefusal } from '../trust/refuse.ts';
import { record, text } from '../trust/shape.ts';
import type { Digest, Floors } from '../trust/types.ts';
import { parseDigest } from '../trust/words.ts';
import { nodeFiles, type Files } from './files.ts';
import { decodePack, digestOf, encodePack, extents, maxHeadBytes, type Place } from './pack.ts';

const digestOrNone = text('a SHA-256, hex, or nothing', (value) => (value === '' ? '' : parseDigest(value)));
const anyText = text('text', (value) => value);
const indexShape = record({
  floors: anyText,
  root: digestOrNone,
  map: digestOrNone,
  parts: digestOrNone,
  held: extents,
});
const partsShape = record({ held: extents });

/** So much is written again with each commit, for one sync fewer; more where all parts together are many times that. */
const gatheredBytes = 16 * 1024;
const gatheredShare = 1 / 4;

type Blobs = ReadonlyMap<Digest, Uint8Array>;

interface Index {
  readonly floors: string;
  readonly root: Digest | '';
  readonly map: Digest | '';
  /** Of the file with the parts that are not in this one. */
  readonly parts: Digest | '';
}

/** The index on flash, and where the contents lie: beside it, and in the file of parts. */
interface Found extends Index {
  readonly held: ReadonlyMap<Digest, Place>;
  readonly apart: ReadonlyMap<Digest, Place>;
}

const nothing: Found = { floors: '', root: '', map: '', parts: '', held: new Map(), apart: new Map() };

function corrupt(path: string, wanted: string): never {
  throw new Fault('STORE_CORRUPT', path, `${path}: ${wanted}; run "rustynet leave", then join again`);
}

function nameOf(document: Uint8Array | undefined): Digest | '' {
  return document === undefined ? '' : digestOf(document);
}

function areMany(near: Blobs, apart: Found['apart']): boolean {
  const bytes = [...near.values()].reduce((total, { length }) => total + length, 0);
  const bytesApart = [...apart.values()].reduce((total, place) => total + place.bytes, 0);
  return bytes > Math.max(gatheredBytes, gatheredShare * bytesApart);
}

class Flash implements Store {
  readonly #folder: string;
  readonly #files: Files;
  /** As of the last look or commit: this process alone writes here. */
  #found: Found | undefined;
  #writes = 0;

  constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
  }

  get #index(): string {
    return `${this.#folder}/floors`;
  }

  #apartPath(digest: Digest): string {
    return `${this.#folder}/parts-${digest}`;
  }

  #look(): Found | undefined {
    const bytes = this.#files.read(this.#index);
    if (bytes === undefined) {
      // Parts are only ever there beside an index: without it, something was lost, and this is no first use.
      if (this.#files.list(this.#folder).some((name) => name.startsWith('parts-')))
        corrupt(this.#index, 'wanted the floors beside the state, got none');
      return undefined;
    }
    const index = decodePack(bytes, indexShape);
    if (isRefusal(index)) return corrupt(this.#index, index.detail);
    const { head, places } = index;
    this.#found = { ...head, held: places, apart: this.#placesApart(head.parts) };
    return this.#found;
  }

  /** Where its index is damaged there are none: parts prove themselves, and can be asked for again. */
  #placesApart(digest: Digest | ''): ReadonlyMap<Digest, Place> {
    const bytes = digest === '' ? undefined : this.#files.readAt(this.#apartPath(digest), 0, maxHeadBytes);
    const pack = bytes === undefined ? undefined : decodePack(bytes, partsShape);
    return pack === undefined || isRefusal(pack) ? new Map() : pack.places;
  }

  read(): Stored | undefined {
    const found = this.#look();
    if (found === undefined) return undefined;
    const floors = decodeFloors(Buffer.from(found.floors));
    if (isRefusal(floors)) return corrupt(this.#index, floors.detail);
    const [root, map] = [this.#named(found.root), this.#named(found.map)];
    return { floors, ...(root === undefined ? {} : { root }), ...(map === undefined ? {} : { map }) };
  }

  #named(digest: Digest | ''): Uint8Array | undefined {
    if (digest === '') return undefined;
    return this.part(digest) ?? corrupt(this.#index, `wanted contents with SHA-256 ${digest}, got none or others`);
  }

  part(digest: Digest): Uint8Array | undefined {
    const { held, apart, parts } = this.#found ?? this.#look() ?? nothing;
    const [place, path] = held.has(digest)
      ? [held.get(digest), this.#index]
      : [apart.get(digest), parts === '' ? '' : this.#apartPath(parts)];
    const bytes = place === undefined ? undefined : this.#files.readAt(path, place.at, place.bytes);
    return bytes !== undefined && digestOf(bytes) === digest ? bytes : undefined;
  }

  commit({ floors, root, map }: Stored, parts: Blobs, keep?: readonly Digest[]): void {
    this.#files.makeFolder(this.#folder);
    const before = this.#found ?? this.#look() ?? nothing;
    this.#requireRise(before, floors);
    const kept = new Set(keep);
    const isKept = (digest: Digest): boolean => keep === undefined || kept.has(digest);
    const near = this.#near(before, parts, isKept);
    const far = [...before.apart.keys()].filter((digest) => isKept(digest) && !near.has(digest));
    const apart = areMany(near, before.apart) ? this.#setApart(new Map([...this.#blobs(far), ...near])) : undefined;
    const left = far.length > 0 ? before.parts : '';
    const index: Index = {
      floors: Buffer.from(encodeFloors(floors)).toString(),
      root: nameOf(root),
      map: nameOf(map),
      parts: apart ?? left,
    };
    const beside = new Map(apart === undefined ? near : []);
    if (index.root !== '' && root !== undefined) beside.set(index.root, root);
    if (index.map !== '' && map !== undefined) beside.set(index.map, map);
    this.#replace(index, beside);
    this.#writes += 1;
    for (const name of this.#files.list(this.#folder)) {
      if (name !== 'floors' && name !== `parts-${index.parts}`) this.#files.removeFolder(`${this.#folder}/${name}`);
    }
  }

  /** Whoever writes may have read them before somebody else wrote, or before a write of its own that failed half way. */
  #requireRise({ floors: text }: Found, floors: Floors): void {
    const known = text === '' ? undefined : decodeFloors(Buffer.from(text));
    if (known === undefined || isRefusal(known) || !areBelow(floors, known)) return;
    const wanted = `wanted floors of at least ${text}, got ${Buffer.from(encodeFloors(floors)).toString()}`;
    throw new Fault('STORE_FLOORS', this.#index, `${this.#index}: ${wanted}`);
  }

  /** The parts that lie beside the index from now on: those that did, and what is new. */
  #near({ root, map, held, apart }: Found, fresh: Blobs, isKept: (digest: Digest) => boolean): Blobs {
    const carried = [...held.keys()].filter((digest) => digest !== root && digest !== map);
    const isMissing = (digest: Digest): boolean => !apart.has(digest) || this.part(digest) === undefined;
    return new Map([
      ...this.#blobs(carried.filter(isKept)),
      ...[...fresh].filter(([digest]) => isKept(digest) && isMissing(digest)),
    ]);
  }

  #blobs(digests: readonly Digest[]): [Digest, Uint8Array][] {
    return digests.flatMap((digest) => {
      const bytes = this.part(digest);
      return bytes === undefined ? [] : [[digest, bytes]];
    });
  }

  /** Nothing names it until the index does. */
  #setApart(blobs: Blobs): Digest {
    const bytes = encodePack({}, blobs);
    const digest = digestOf(bytes);
    this.#files.writeSynced(this.#apartPath(digest), bytes);
    this.#files.syncFolder(this.#folder);
    return digest;
  }

  #replace(index: Index, blobs: Blobs): void {
    // Where it fails half way, only a look says which index is on flash.
    this.#found = undefined;
    this.#files.writeSynced(`${this.#index}.new`, encodePack({ ...index }, blobs));
    this.#files.rename(`${this.#index}.new`, this.#index);
    this.#files.syncFolder(this.#folder);
  }

  clear(): void {
    this.#found = undefined;
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
