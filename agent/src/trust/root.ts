/**
 * The root document: who may sign roots and maps. In: an envelope and what is already believed (a pinned digest, or the
 * root before it). Out: the next root, or a refusal. Rotation as in TUF 1.0 section 5.3: version by version, each signed
 * by a threshold of the old owners and of the new ones; expiry is asked of the last one only, by whoever walks.
 */
import { encodeUtf8 } from '../wire/utf8.ts';
import { openEnvelope, requireSigners } from './dsse.ts';
import { readJson } from './json.ts';
import { maxEnvelopeBytes, maxRoleKeys, maxVersion, rootType } from './limits.ts';
import { refuse, refusing } from './refuse.ts';
import { integer, record, set, text, type Shape } from './shape.ts';
import type { Digest, NetworkId, Refusal, RoleKeys, Root } from './types.ts';
import { digestOf, parseIdentityKey, parseNetworkId } from './words.ts';

const formatVersion = 1;
const identityKey = text('an Ed25519 public key of large order, hex', parseIdentityKey);
const roleFields = record({ keys: set(identityKey, 1, maxRoleKeys), threshold: integer(1, maxRoleKeys) });
const role: Shape<RoleKeys> = (value, path) => {
  const fields = roleFields(value, path);
  if (fields.threshold > fields.keys.length) {
    refuse('malformed', `wanted a threshold up to ${fields.keys.length} at ${path}, got ${fields.threshold}`);
  }
  return fields;
};
const rootShape = record({
  format: integer(formatVersion, formatVersion),
  network: text('a network id, 32 hex digits', parseNetworkId),
  version: integer(1, maxVersion),
  expires: integer(0, Number.MAX_SAFE_INTEGER),
  roles: record({ root: role, map: role }),
});

/** The payload that is signed. */
export function encodeRoot({ network, version, expiresUnixS, root, map }: Root): Uint8Array {
  const roles = {
    root: { keys: root.keys, threshold: root.threshold },
    map: { keys: map.keys, threshold: map.threshold },
  };
  return encodeUtf8(JSON.stringify({ format: formatVersion, network, version, expires: expiresUnixS, roles }));
}

function readRoot(payload: Uint8Array): Root {
  const { network, version, expires, roles } = rootShape(readJson(payload, maxEnvelopeBytes), '$');
  return { network, version, expiresUnixS: expires, root: roles.root, map: roles.map };
}

/** A root with the digest of its payload, by which an invite pins it. */
export interface VerifiedRoot extends Root {
  readonly digest: Digest;
}

/** Believed by nobody yet. */
export interface ProposedRoot extends Root {
  readonly digest: Digest;
}

/** What a root says that perhaps too few have signed: for owners, who judge whether to sign it. Routers never ask. */
export function readProposedRoot(bytes: Uint8Array): ProposedRoot | Refusal {
  return refusing(() => {
    const { payload } = openEnvelope(bytes, rootType);
    return { ...readRoot(payload), digest: digestOf(payload) };
  });
}

function requireNetwork(got: NetworkId, network: NetworkId): void {
  if (got !== network) refuse('wrong-network', `wanted a root of network ${network}, got one of ${got}`);
}

/** The first root a router believes: the digest came out of band. It must still carry its own owners' signatures. */
export function verifyPinnedRoot(bytes: Uint8Array, pin: Digest, network: NetworkId): VerifiedRoot | Refusal {
  return refusing(() => {
    const envelope = openEnvelope(bytes, rootType);
    const digest = digestOf(envelope.payload);
    if (digest !== pin) refuse('too-few-signers', `wanted the pinned root ${pin}, got ${digest}`);
    const root = readRoot(envelope.payload);
    requireNetwork(root.network, network);
    requireSigners(envelope, root.root, `root version ${root.version}`);
    return { ...root, digest };
  });
}

/** The root after `current`, signed by a threshold of both. */
export function verifyNextRoot(current: Root, bytes: Uint8Array): VerifiedRoot | Refusal {
  return refusing(() => {
    const envelope = openEnvelope(bytes, rootType);
    requireSigners(envelope, current.root, `root version ${current.version}`);
    const next = readRoot(envelope.payload);
    requireNetwork(next.network, current.network);
    const wantedVersion = current.version + 1;
    if (next.version < wantedVersion) refuse('rollback', `wanted root version ${wantedVersion}, got ${next.version}`);
    if (next.version > wantedVersion) {
      refuse('unknown-version', `wanted root version ${wantedVersion}, got ${next.version}: none may be skipped`);
    }
    requireSigners(envelope, next.root, `root version ${next.version}`);
    return { ...next, digest: digestOf(envelope.payload) };
  });
}
