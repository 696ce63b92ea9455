/**
 * The join request as the router says it: it asks to be let in by a one-time invite. In: the router's keys, the invite's
 * key. Out: the payload that the identity signs; verify-join.ts reads it. The proof is HMAC-SHA256 (RFC 2104) by the
 * invite's key over all else that is said.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { encodeUtf8 } from '../wire/utf8.ts';
import type { IdentityKey, InviteId, InviteKey, InviteSecret, NetworkId, WireGuardKey } from './types.ts';

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

export function proofOf({ network, invite, identityKey, wireGuardKey, atUnixS }: JoinRequest, key: InviteKey): string {
  return authenticated(hexToBytes(key), 'join proof', network, invite, identityKey, wireGuardKey, atUnixS);
}

/** The payload that is signed. */
export function encodeJoin(request: JoinRequest, key: InviteKey): Uint8Array {
  const { network, invite, identityKey: identity, wireGuardKey: wireguard, atUnixS: at } = request;
  const proof = proofOf(request, key);
  return encodeUtf8(JSON.stringify({ format: 1, network, invite, identity, wireguard, at, proof }));
}
