/**
 * The map document: which parts make the network now. In: an envelope, the root, the floors, the time. Out: a manifest
 * that passed checks 1 to 9 of the design, or a refusal. Times are Unix seconds.
 */
import { encodeUtf8 } from '../wire/utf8.ts';
import { openEnvelope, requireSigners } from './dsse.ts';
import { readJson } from './json.ts';
import {
  mapType,
  maxEnvelopeBytes,
  maxMapLifetimeS,
  maxPartBytes,
  maxParts,
  maxVersion,
  minMapLifetimeS,
  skewS,
} from './limits.ts';
import { refuse, refusing } from './refuse.ts';
import { integer, list, record, text } from './shape.ts';
import { time } from './times.ts';
import type { Digest, Floors, MapManifest, PartRef, Refusal, Root } from './types.ts';
import { digestOf, parseDigest, parseNetworkId } from './words.ts';

const formatVersion = 1;
const partName = /^(policy|names|members(\/[0-9a-f]{1,2})?)$/;
const unixS = integer(0, Number.MAX_SAFE_INTEGER);
const mapShape = record({
  format: integer(formatVersion, formatVersion),
  network: text('a network id, 32 hex digits', parseNetworkId),
  epoch: integer(1, maxVersion),
  issued: unixS,
  expires: unixS,
  root: integer(1, maxVersion),
  parts: list(
    record({
      name: text('policy, names or members/<hex>', (name) => (partName.test(name) ? name : undefined)),
      sha256: text('a SHA-256, hex', parseDigest),
      bytes: integer(1, maxPartBytes),
    }),
    1,
    maxParts,
  ),
});

/** The payload that is signed. */
export function encodeMap(manifest: MapManifest): Uint8Array {
  const { network, epoch, issuedUnixS: issued, expiresUnixS: expires, rootVersion: root } = manifest;
  const parts = manifest.parts.map(({ name, sha256, bytes }) => ({ name, sha256, bytes }));
  return encodeUtf8(JSON.stringify({ format: formatVersion, network, epoch, issued, expires, root, parts }));
}

/** A manifest that is signed, of this network, and neither old nor early; its parts are still to come. */
export interface VerifiedManifest extends MapManifest {
  readonly digest: Digest;
}

function readMap(payload: Uint8Array): MapManifest {
  const fields = mapShape(readJson(payload, maxEnvelopeBytes), '$');
  const { network, epoch, issued, expires, root, parts } = fields;
  requirePartNames(parts);
  return { network, epoch, issuedUnixS: issued, expiresUnixS: expires, rootVersion: root, parts };
}

/** One policy, one names, and members either whole or in shards of one depth: no member could stand in two places. */
function requirePartNames(parts: readonly PartRef[]): void {
  const names = parts.map(({ name }) => name);
  if (new Set(names).size < names.length) refuse('malformed', 'wanted each part name once, got one twice');
  for (const name of ['policy', 'names']) {
    if (!names.includes(name)) refuse('malformed', `wanted a part ${name}, got none`);
  }
  const depths = new Set(names.filter((name) => name.startsWith('members')).map((name) => name.length));
  if (depths.size > 1) refuse('malformed', 'wanted member shards of one depth, got several');
}

function requireVersions(map: MapManifest, root: Root, floors: Floors, nowUnixS: number): void {
  if (map.rootVersion > root.version) {
    refuse('unknown-version', `wanted a map of root version ${root.version} or older, got ${map.rootVersion}`);
  }
  if (map.rootVersion < floors.minMapRootVersion) {
    refuse('rollback', `wanted a map of root version ${floors.minMapRootVersion}, got ${map.rootVersion}`);
  }
  if (root.expiresUnixS <= nowUnixS) {
    refuse(
      'expired',
      `wanted a root that lasts beyond ${time(nowUnixS)}, got one that ended at ${time(root.expiresUnixS)}`,
    );
  }
}

function requireEpoch(map: MapManifest, digest: Digest, floors: Floors): void {
  if (map.epoch < floors.epoch) refuse('rollback', `wanted epoch ${floors.epoch} or later, got ${map.epoch}`);
  if (map.epoch === floors.epoch && floors.mapDigest !== undefined && floors.mapDigest !== digest) {
    refuse('fork', `wanted ${floors.mapDigest} as epoch ${map.epoch}, got ${digest}`);
  }
}

function requireTimes(map: MapManifest, nowUnixS: number): void {
  const lifetimeS = map.expiresUnixS - map.issuedUnixS;
  if (map.issuedUnixS > nowUnixS + skewS) {
    refuse('not-yet', `wanted a map issued by ${time(nowUnixS + skewS)}, got one issued at ${time(map.issuedUnixS)}`);
  }
  if (lifetimeS < minMapLifetimeS || lifetimeS > maxMapLifetimeS) {
    refuse('malformed', `wanted a lifetime of ${minMapLifetimeS} to ${maxMapLifetimeS} s, got ${lifetimeS} s`);
  }
  if (map.expiresUnixS <= nowUnixS) {
    refuse(
      'expired',
      `wanted a map that lasts beyond ${time(nowUnixS)}, got one that ended at ${time(map.expiresUnixS)}`,
    );
  }
}

/** Checks 1 to 9, in their order. `nowUnixS` must not be below the time floor. */
export function verifyMap(bytes: Uint8Array, root: Root, floors: Floors, nowUnixS: number): VerifiedManifest | Refusal {
  return refusing(() => {
    const envelope = openEnvelope(bytes, mapType);
    requireSigners(envelope, root.map, `maps in root version ${root.version}`);
    const map = readMap(envelope.payload);
    const digest = digestOf(envelope.payload);
    if (map.network !== root.network) {
      refuse('wrong-network', `wanted a map of network ${root.network}, got one of ${map.network}`);
    }
    requireVersions(map, root, floors, nowUnixS);
    requireEpoch(map, digest, floors);
    requireTimes(map, nowUnixS);
    return { ...map, digest };
  });
}
