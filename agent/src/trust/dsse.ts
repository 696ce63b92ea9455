/**
 * DSSE v1 envelopes over Ed25519. In: bytes, the payload type, the role's keys. Out: the payload, of which a threshold
 * of different keys signed every byte. Specified in secure-systems-lab/dsse protocol.md and envelope.md (standard base64
 * only) and in RFC 8032 section 5.1.7 without ZIP 215's leniency. Nothing of a payload is read before this has passed.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import { encodeUtf8 } from '../wire/utf8.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { readJson } from './json.ts';
import { maxEnvelopeBytes, maxSignatures } from './limits.ts';
import { refuse } from './refuse.ts';
import { list, record, text } from './shape.ts';
import type { IdentityKey, RoleKeys } from './types.ts';
import { keyIdOf } from './words.ts';

export interface Signature {
  /** A hint which key to try: not signed, so nothing is believed because of it. */
  readonly keyid: string;
  readonly sig: Uint8Array;
}
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly Signature[];
}

const anyText = text('a string of at most 256 characters', (value) => (value.length <= 256 ? value : undefined));
const base64 = text('standard base64', decodeBase64);
const envelopeShape = record({
  payload: base64,
  payloadType: anyText,
  signatures: list(record({ keyid: anyText, sig: base64 }), 1, maxSignatures),
});

/** DSSE's pre-authentication encoding: what is signed. */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encodeUtf8(payloadType);
  const head = encodeUtf8(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  return concatBytes(head, payload);
}

export function encodeEnvelope({ payloadType, payload, signatures }: Envelope): Uint8Array {
  const coded = signatures.map(({ keyid, sig }) => ({ keyid, sig: encodeBase64(sig) }));
  return encodeUtf8(JSON.stringify({ payload: encodeBase64(payload), payloadType, signatures: coded }));
}

/** Checks 1 and 2: size, and an envelope of this type. Nothing in it is believed yet. */
export function openEnvelope(bytes: Uint8Array, payloadType: string, maxBytes = maxEnvelopeBytes): Envelope {
  const envelope = envelopeShape(readJson(bytes, maxBytes), '$');
  if (envelope.payloadType !== payloadType) {
    refuse('malformed', `wanted payload type ${payloadType}, got ${JSON.stringify(envelope.payloadType)}`);
  }
  return envelope;
}

/** Keys among these whose signature holds. Signatures of others, and a second one of the same key, count for nothing. */
export function signersOf(envelope: Envelope, keys: readonly IdentityKey[]): ReadonlySet<IdentityKey> {
  const message = pae(envelope.payloadType, envelope.payload);
  const known = new Map(keys.map((key) => [keyIdOf(key), key]));
  const signers = new Set<IdentityKey>();
  for (const { keyid, sig } of envelope.signatures) {
    const key = known.get(keyid);
    if (key === undefined || sig.length !== 64) continue;
    if (ed25519.verify(sig, message, hexToBytes(key), { zip215: false })) signers.add(key);
  }
  return signers;
}

/** Check 3: different keys of the role, each with a signature that holds. */
export function requireSigners(envelope: Envelope, role: RoleKeys, who: string): void {
  const { size } = signersOf(envelope, role.keys);
  if (size < role.threshold) refuse('too-few-signers', `wanted ${role.threshold} signers of ${who}, got ${size}`);
}
