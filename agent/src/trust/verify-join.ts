/**
 * The join request as the operator reads it. In: an envelope from a node's topic, and which key an invite has. Out: the
 * keys of the router that holds the invite and the identity it names, or a refusal. The key of the signature is in what it
 * signs, so that this is read first, strictly; nothing of it is believed before proof and signature hold.
 * The time in it is the router's word, and shown as that: an invite ends by the operator's clock.
 */
import { openEnvelope, requireSigners } from './dsse.ts';
import { proofOf, type JoinRequest } from './join.ts';
import { readJson } from './json.ts';
import { joinType, maxJoinBytes } from './limits.ts';
import { isRefusal, refuse, refusing } from './refuse.ts';
import { integer, record, text } from './shape.ts';
import type { InviteId, InviteKey, NetworkId, NodeId, Refusal } from './types.ts';
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
