/** A router that asks to be let in, without the router. In: the invite's text, a name for its keys. Out: topic and bytes. */
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { encodeBase64 } from '../../src/trust/base64.ts';
import { encodeEnvelope, pae } from '../../src/trust/dsse.ts';
import { decodeInvite } from '../../src/trust/invite.ts';
import { encodeJoin, inviteKeyOf, type JoinRequest } from '../../src/trust/join.ts';
import { joinType } from '../../src/trust/limits.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { topics } from '../../src/trust/topics.ts';
import type { IdentityKey, InviteSecret, NodeId, WireGuardKey } from '../../src/trust/types.ts';
import { keyIdOf, nodeIdOf } from '../../src/trust/words.ts';

export interface Asking {
  readonly node: NodeId;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly request: JoinRequest;
}

/** With another secret than the invite's, the proof is bad. */
export function asks(inviteText: string, name: string, secret?: InviteSecret): Asking {
  const invite = decodeInvite(inviteText);
  if (isRefusal(invite) || invite.once === undefined) throw new Error(`wanted a one-time invite, got ${inviteText}`);
  const { network, once } = invite;
  const own = sha256(new TextEncoder().encode(`joiner ${name}`));
  const identityKey = bytesToHex(ed25519.getPublicKey(own)) as IdentityKey;
  const wireGuardKey = encodeBase64(x25519.getPublicKey(own)) as WireGuardKey;
  const request = { network, invite: once.id, identityKey, wireGuardKey, atUnixS: invite.issuedUnixS };
  const payload = encodeJoin(request, inviteKeyOf(secret ?? once.secret, network, once.id));
  const signatures = [{ keyid: keyIdOf(identityKey), sig: ed25519.sign(pae(joinType, payload), own) }];
  const node = nodeIdOf(identityKey);
  const envelope = encodeEnvelope({ payloadType: joinType, payload, signatures });
  return { node, topic: topics.join(network, node), payload: envelope, request };
}
