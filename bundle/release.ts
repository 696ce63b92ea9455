/**
 * The signed list of what belongs to a release. In: names and bytes, a key. Out: an in-toto Statement with the digest of
 * each in a DSSE envelope; and back, to names and digests that are believed. Specified in in-toto's Statement v1, its
 * predicate "Release" v0.1, and the DSSE of agent/src/trust/dsse.ts.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { encodeEnvelope, openEnvelope, pae, requireSigners } from '../agent/src/trust/dsse.ts';
import { isRefusal, refusing } from '../agent/src/trust/refuse.ts';
import { digestOf, keyIdOf } from '../agent/src/trust/words.ts';
import type { IdentityKey } from '../agent/src/trust/types.ts';
import type { PublicKey, SecretKey } from './usign.ts';

const payloadType = 'application/vnd.in-toto+json';
const statementType = 'https://in-toto.io/Statement/v1';
const predicateType = 'https://in-toto.io/attestation/release/v0.1';

export type Contents = Readonly<Record<string, Uint8Array>>;

interface Statement {
  readonly _type: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: { readonly purl: string };
}

const identityOf = ({ key }: PublicKey): IdentityKey => bytesToHex(key) as IdentityKey;

export function signRelease(contents: Contents, version: string, key: SecretKey): Uint8Array {
  const statement: Statement = {
    _type: statementType,
    subject: Object.entries(contents).map(([name, bytes]) => ({ name, digest: { sha256: digestOf(bytes) } })),
    predicateType,
    predicate: { purl: `pkg:generic/rustynet@${version}` },
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const sig = ed25519.sign(pae(payloadType, payload), key.seed);
  return encodeEnvelope({ payloadType, payload, signatures: [{ keyid: keyIdOf(identityOf(key)), sig }] });
}

/** Name to SHA-256, hex, of what this key signed; anything else throws. */
export function readRelease(envelope: Uint8Array, key: PublicKey): ReadonlyMap<string, string> {
  const opened = refusing(() => {
    const believed = openEnvelope(envelope, payloadType);
    requireSigners(believed, { keys: [identityOf(key)], threshold: 1 }, 'the release');
    return believed;
  });
  if (isRefusal(opened)) throw new Error(`release: ${opened.refused}: ${opened.detail}`);
  const statement = JSON.parse(Buffer.from(opened.payload).toString()) as Statement;
  if (statement._type !== statementType || statement.predicateType !== predicateType) {
    throw new Error(`release: wanted ${predicateType}, got ${statement.predicateType}`);
  }
  return new Map(statement.subject.map(({ name, digest }) => [name, digest.sha256]));
}
