/**
 * The floors: what a router must never fall below, and how belief moves them. In: what was verified. Out: the next
 * floors, and their text on flash. They only rise, but for the epoch when the owners replaced the keys that sign maps.
 */
import { encodeUtf8 } from '../wire/utf8.ts';
import { readJson } from './json.ts';
import { maxVersion } from './limits.ts';
import { refuse, refusing } from './refuse.ts';
import type { VerifiedManifest } from './map.ts';
import type { VerifiedRoot } from './root.ts';
import { integer, record, text } from './shape.ts';
import type { Digest, Floors, Refusal, RoleKeys, Root } from './types.ts';
import { parseDigest } from './words.ts';

const formatVersion = 1;
const maxFloorsBytes = 1024;
const time = integer(0, Number.MAX_SAFE_INTEGER);
const floorsShape = record({
  format: integer(formatVersion, formatVersion),
  rootVersion: integer(1, maxVersion),
  rootDigest: text('a SHA-256, hex', parseDigest),
  minMapRootVersion: integer(1, maxVersion),
  epoch: integer(0, maxVersion),
  mapDigest: text('a SHA-256, hex, or nothing', (value) => (value === '' ? '' : parseDigest(value))),
  time,
});

/** The floors of a router that pinned this root and has seen no map. */
export function firstFloors(root: Pick<VerifiedRoot, 'version' | 'digest'>, timeUnixS: number): Floors {
  return {
    rootVersion: root.version,
    rootDigest: root.digest,
    minMapRootVersion: 1,
    epoch: 0,
    timeUnixS,
  };
}

function sameRole(left: RoleKeys, right: RoleKeys): boolean {
  return left.threshold === right.threshold && [...left.keys].sort().join() === [...right.keys].sort().join();
}

/**
 * Floors after `next` follows `current`. New map keys begin a new count: a stolen key may have pushed the epoch as high
 * as it goes, and maps of the old keys must not come back.
 */
export function advanceRoot(floors: Floors, current: Root, next: VerifiedRoot): Floors {
  const { mapDigest, ...rest } = floors;
  const moved = { ...rest, rootVersion: next.version, rootDigest: next.digest };
  if (!sameRole(current.map, next.map)) return { ...moved, epoch: 0, minMapRootVersion: next.version };
  return mapDigest === undefined ? moved : { ...moved, mapDigest };
}

export function advanceMap(floors: Floors, map: VerifiedManifest): Floors {
  return advanceTime({ ...floors, epoch: map.epoch, mapDigest: map.digest }, map.issuedUnixS);
}

export function advanceTime(floors: Floors, seenUnixS: number): Floors {
  return { ...floors, timeUnixS: Math.max(floors.timeUnixS, seenUnixS) };
}

/** Whether these lie below those in anything. With new map keys the epoch counts from 0, in a later version of the root. */
export function areBelow(floors: Floors, than: Floors): boolean {
  const order = [floors.rootVersion - than.rootVersion, floors.epoch - than.epoch].find((each) => each !== 0) ?? 0;
  return order < 0 || floors.timeUnixS < than.timeUnixS;
}

export function encodeFloors(floors: Floors): Uint8Array {
  const { rootVersion, rootDigest, minMapRootVersion, epoch, mapDigest = '', timeUnixS: time } = floors;
  const fields = { format: formatVersion, rootVersion, rootDigest, minMapRootVersion, epoch, mapDigest, time };
  return encodeUtf8(JSON.stringify(fields));
}

export function decodeFloors(bytes: Uint8Array): Floors | Refusal {
  return refusing(() => {
    const { mapDigest, time: timeUnixS, ...fields } = floorsShape(readJson(bytes, maxFloorsBytes), '$');
    if ((mapDigest === '') !== (fields.epoch === 0)) {
      refuse('malformed', `wanted a map digest with epoch ${fields.epoch} or neither, got "${mapDigest}"`);
    }
    const { rootVersion, rootDigest, minMapRootVersion, epoch } = fields;
    const floors = { rootVersion, rootDigest, minMapRootVersion, epoch, timeUnixS };
    return mapDigest === '' ? floors : { ...floors, mapDigest: mapDigest as Digest };
  });
}
