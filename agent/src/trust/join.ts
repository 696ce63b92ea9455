/**
 * The join request: a router asks to be let in by a one-time invite. In: an envelope from a node's topic, and which key an
 * invite has. Out: the keys of the router that holds the invite and the identity it names, or a refusal.
 * The proof is HMAC-SHA256 (RFC 2104) by the invite's key over all else that is said; the signature is the identity's own.
 * The time in it is the router's word, and shown as that: an invite ends by the operator's clock.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { encodeUtf8 } from '../wire/utf8.ts';
import { openEnvelope, requireSigners } from './dsse.ts';
import { readJson } from './json.ts';
import { joinType, maxJoinBytes } from './limits.ts';
import { isRefusal, refuse, refusing } from './refuse.ts';
import { integer, record, text } from './shape.ts';
import type {
  IdentityKey,
  InviteId,
  InviteKey,
  InviteSecret,
  NetworkId,
  NodeId,
  Refusal,
  WireGuardKey,
} from './types.ts';
import { nodeIdOf, parseDigest, parseIdentityKey, parseInviteId, parseNetworkId, parseWireGuardKey } from './words.ts';

const formatVersion = 1;
const joinShape = record({
  format: integer(formatVersion, formatVersion),
  network: text('a network id, 32 hex digits', parseNetworkId),
  invite: text('an invite id, 16 hex digits', parseInviteId),
  identity: text('an Ed25519 public key of large order, hex', parseIdentityKey),
  wireguard: text('a WireGuard public key, base64', parseWireGuardKey),
  at: integer(0, Number.MAX_SAFE_INTEGER),
  proof: text('a proof, 64 hex digits', parseDigest),
});

export interface JoinRequest {
  readonly network: NetworkId;
  readonly invite: InviteId;
  readonly identityKey: IdentityKey;
  readonly wireGuardKey: WireGuardKey;
  readonly atUnixS: number;
}

/** Every field is of an alphabet without line breaks, so that no two requests have one text. */
function authenticated(key: Uint8Array, what: string, ...fields: readonly (string | number)[]): string {
  return bytesToHex(hmac(sha256, key, encodeUtf8([`rustynet ${what} v1`, ...fields].join('\n'))));
}

export function inviteKeyOf(secret: InviteSecret, network: NetworkId, invite: InviteId): InviteKey {
  return authenticated(hexToBytes(secret), 'invite key', network, invite) as InviteKey;
}

function proofOf({ network, invite, identityKey, wireGuardKey, atUnixS }: JoinRequest, key: InviteKey): string {
  return authenticated(hexToBytes(key), 'join proof', network, invite, identityKey, wireGuardKey, atUnixS);
}

/** The payload that is signed. */
export function encodeJoin(request: JoinRequest, key: InviteKey): Uint8Array {
  const { network, invite, identityKey: identity, wireGuardKey: wireguard, atUnixS: at } = request;
  const proof = proofOf(request, key);
  return encodeUtf8(JSON.stringify({ format: formatVersion, network, invite, identity, wireguard, at, proof }));
}

/** In the same time for any two texts of one length. */
function same(left: string, right: string): boolean {
  let different = left.length ^ right.length;
  for (let at = 0; at < left.length; at += 1) different |= left.charCodeAt(at) ^ right.charCodeAt(at);
  return different === 0;
}

/**
 * `node` is whose topic it lay under; `keyOf` gives the key of an invite that still lets somebody in. The proof is asked
 * before the signature: it costs a hundredth, and whoever floods has no invite.
 */
export function verifyJoin(
  bytes: Uint8Array,
  network: NetworkId,
  node: NodeId,
  keyOf: (invite: InviteId) => InviteKey | Refusal,
): JoinRequest | Refusal {
  return refusing(() => {
    const envelope = openEnvelope(bytes, joinType, maxJoinBytes);
    if (envelope.signatures.length > 1) {
      refuse('malformed', `wanted one signature of a join request, got ${envelope.signatures.length}`);
    }
    const fields = joinShape(readJson(envelope.payload, maxJoinBytes), '$');
    const { invite, identity: identityKey, wireguard: wireGuardKey, at: atUnixS, proof } = fields;
    const request = { network: fields.network, invite, identityKey, wireGuardKey, atUnixS };
    if (fields.network !== network) {
      refuse('wrong-network', `wanted a join request for network ${network}, got one for ${fields.network}`);
    }
    const asking = nodeIdOf(identityKey);
    if (asking !== node) refuse('conflict', `wanted the request of node ${node} under its topic, got one of ${asking}`);
    const key = keyOf(invite);
    if (isRefusal(key)) refuse(key.refused, key.detail);
    if (!same(proof, proofOf(request, key))) {
      refuse('too-few-signers', `wanted a proof by the secret of invite ${invite}, got another`);
    }
    requireSigners(envelope, { keys: [identityKey], threshold: 1 }, `a join request of node ${node}`);
    return request;
  });
}
