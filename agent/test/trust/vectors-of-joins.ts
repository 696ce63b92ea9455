/** Vectors of join requests: one that must be accepted, and one bend away from it at each check. */
import { encodeBase64 } from '../../src/trust/base64.ts';
import { encodeEnvelope } from '../../src/trust/dsse.ts';
import { encodeJoin, inviteKeyOf, type JoinRequest } from '../../src/trust/join.ts';
import { joinType, mapType, maxJoinBytes } from '../../src/trust/limits.ts';
import type { InviteId, InviteSecret, Refusal } from '../../src/trust/types.ts';
import { nodeIdOf } from '../../src/trust/words.ts';
import { edited, flipped } from './bend.ts';
import { envelopeOf, laptop, network, nowUnixS, office, otherNetwork, sign, signer, stranger } from './network.ts';
import type { Vector } from './run-vector.ts';

export const invite = '0123456789abcdef' as InviteId;
const [usedInvite, revokedInvite, endedInvite] = ['1', '2', '3'].map((digit) => digit.repeat(16) as InviteId);
export const secret = 'ab'.repeat(32) as InviteSecret;
export const inviteKey = inviteKeyOf(secret, network, invite);
export const joiner = signer('member laptop');
export const request: JoinRequest = {
  network,
  invite,
  identityKey: joiner.key,
  wireGuardKey: laptop.wireGuardKey,
  atUnixS: nowUnixS,
};
const payload = encodeJoin(request, inviteKey);
const keys: Readonly<Record<string, string | Refusal>> = {
  [invite]: inviteKey,
  [usedInvite ?? '']: { refused: 'conflict', detail: 'wanted an invite that is open, got one that was used' },
  [revokedInvite ?? '']: { refused: 'conflict', detail: 'wanted an invite that is open, got one that was revoked' },
  [endedInvite ?? '']: { refused: 'expired', detail: 'wanted an invite that is open, got one that has ended' },
};
/** The request with this payload, honestly signed. */
const signed = (bytes: Uint8Array, by = joiner): Uint8Array => envelopeOf(joinType, bytes, [by]);
const asked = (over: Partial<JoinRequest>, by = joiner): Uint8Array =>
  signed(encodeJoin({ ...request, ...over }, inviteKey), by);
const one = sign(joinType, payload, joiner);
const twice = encodeEnvelope({ payloadType: joinType, payload, signatures: [one, one] });

function vector(
  what: string,
  want: Vector['want'],
  bytes: Uint8Array,
  node = nodeIdOf(joiner.key),
  pad?: number,
): Vector {
  const more = pad === undefined ? {} : { pad };
  return { what, want, door: 'join', network, node, keys, bytes: encodeBase64(bytes), ...more };
}

export function joins(): Vector[] {
  const good = signed(payload);
  const otherSecret = inviteKeyOf('cd'.repeat(32) as InviteSecret, network, invite);
  const ofOtherInvite = inviteKeyOf(secret, network, usedInvite ?? invite);
  const bare = (from: string, to: string): Uint8Array => signed(edited(payload, from, to));
  return [
    vector('a request with the proof of an open invite', 'accepted', good),
    vector('a request filled up to the largest size', 'accepted', good, undefined, maxJoinBytes - good.length),
    vector('a request one byte larger', 'too-large', good, undefined, maxJoinBytes - good.length + 1),
    vector('nothing', 'malformed', new Uint8Array()),
    vector('a request cut off by a byte', 'malformed', good.subarray(0, -1)),
    vector('a request signed as a map', 'malformed', envelopeOf(mapType, payload, [joiner])),
    vector('a request that is signed twice', 'malformed', twice),
    vector('a request of another format', 'malformed', bare('"format":1', '"format":2')),
    vector('a request with a key that is not known', 'malformed', bare('{"format"', '{"more":1,"format"')),
    vector('a request with a key twice', 'malformed', bare('{"format":1', '{"format":1,"format":1')),
    vector('a request without its proof', 'malformed', bare(',"proof":"', ',"prove":"')),
    vector('a request for another network', 'wrong-network', asked({ network: otherNetwork })),
    vector("a request under another node's topic", 'conflict', good, office.id),
    vector("another's request, signed by a thief", 'too-few-signers', signed(payload, stranger)),
    vector(
      "another's request, signed by a thief under the thief's topic",
      'conflict',
      signed(payload, stranger),
      nodeIdOf(stranger.key),
    ),
    vector(
      "another's proof with the thief's identity",
      'too-few-signers',
      signed(edited(payload, joiner.key, stranger.key), stranger),
      nodeIdOf(stranger.key),
    ),
    vector(
      "another's proof with another WireGuard key",
      'too-few-signers',
      bare(laptop.wireGuardKey, office.wireGuardKey),
    ),
    vector('a proof of another second', 'too-few-signers', bare(`"at":${nowUnixS}`, `"at":${nowUnixS + 1}`)),
    vector('a proof by another secret', 'too-few-signers', signed(encodeJoin(request, otherSecret))),
    vector('a proof by the key of another invite', 'too-few-signers', signed(encodeJoin(request, ofOtherInvite))),
    vector('a proof by the secret itself', 'too-few-signers', signed(encodeJoin(request, secret as never))),
    vector(
      'a signature with a flipped bit',
      'too-few-signers',
      encodeEnvelope({
        payloadType: joinType,
        payload,
        signatures: [{ ...one, sig: flipped(one.sig, 7) }],
      }),
    ),
    vector('a request with an invite that was used', 'conflict', asked({ invite: usedInvite ?? invite })),
    vector('a request with an invite that was revoked', 'conflict', asked({ invite: revokedInvite ?? invite })),
    vector('a request with an invite that has ended', 'expired', asked({ invite: endedInvite ?? invite })),
    vector('a request with an invite that nobody made', 'conflict', asked({ invite: 'f'.repeat(16) as InviteId })),
  ];
}
