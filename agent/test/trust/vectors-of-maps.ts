/** Vectors of checks 1 to 9: envelope, signers, payload, network, versions, times. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import { encodeEnvelope, pae, type Signature } from '../../src/trust/dsse.ts';
import { mapType, maxEnvelopeBytes, rootType } from '../../src/trust/limits.ts';
import { encodeMap } from '../../src/trust/map.ts';
import { encodeMembers } from '../../src/trust/parts.ts';
import type { IdentityKey, MapManifest } from '../../src/trust/types.ts';
import { digestOf, keyIdOf } from '../../src/trust/words.ts';
import {
  dayS,
  envelopeOf,
  mapOf,
  mapSigner,
  nowUnixS,
  otherNetwork,
  owner,
  rootOf,
  secondMapSigner,
  sign,
  stranger,
  type SignedMap,
} from './network.ts';
import type { Vector } from './run-vector.ts';
import { good, text, edited, payloadMap, payloadEdit, flipped, withParts, map } from './bend.ts';

export function sizes(): Vector[] {
  return [
    map('a map of three members, signed and fresh', 'accepted'),
    map('the same with blanks up to the cap', 'accepted', good, { pad: maxEnvelopeBytes - good.envelope.length }),
    map('one byte over the cap', 'too-large', good, { pad: maxEnvelopeBytes - good.envelope.length + 1 }),
    map('no bytes', 'malformed', good, { bytes: new Uint8Array() }),
    map('half of the envelope', 'malformed', good, { bytes: good.envelope.subarray(0, good.envelope.length >> 1) }),
  ];
}

export function envelopes(): Vector[] {
  const { envelope } = good;
  const deep = text(`${'['.repeat(40)}${']'.repeat(40)}`);
  const bad = (what: string, bytes: Uint8Array): Vector => map(what, 'malformed', good, { bytes });
  return [
    bad('a payload type of another document', envelopeOf(rootType, encodeMap(good.manifest), [mapSigner])),
    bad('an envelope with a key of no meaning', edited(envelope, '{"payload"', '{"extra":1,"payload"')),
    bad('an envelope with its payload twice', edited(envelope, '{"payload"', '{"payload":"","payload"')),
    bad('an envelope without signatures', edited(envelope, '"signatures"', '"signature"')),
    bad('an empty list of signatures', encodeEnvelope({ payloadType: mapType, payload: text('{}'), signatures: [] })),
    bad('a payload in url-safe base64', edited(envelope, '"payload":"eyJ', '"payload":"-yJ')),
    bad('lists nested forty deep', deep),
    bad('text that is not UTF-8', concatBytes(envelope.subarray(0, 12), new Uint8Array([0xff]), envelope.subarray(12))),
    bad('a second value behind the envelope', concatBytes(envelope, text('{}'))),
    bad('a byte order mark before it', concatBytes(new Uint8Array([0xef, 0xbb, 0xbf]), envelope)),
  ];
}

export function tampered(): Vector[] {
  const payload = encodeMap(good.manifest);
  const signature = sign(mapType, payload, mapSigner);
  const rows: Vector[] = [];
  for (const field of ['network', 'epoch', 'issued', 'expires', 'root', 'sha256', 'bytes', 'format']) {
    const at = new TextDecoder().decode(payload).indexOf(`"${field}":`) + field.length + 4;
    const bent = { payloadType: mapType, payload: flipped(payload, at), signatures: [signature] };
    rows.push(map(`a bit flipped in ${field}`, 'too-few-signers', good, { bytes: encodeEnvelope(bent) }));
  }
  for (const [part, at] of [
    ['R', 0],
    ['R', 31],
    ['S', 32],
    ['S', 63],
  ] as const) {
    const bent = { ...signature, sig: flipped(signature.sig, at) };
    const bytes = encodeEnvelope({ payloadType: mapType, payload, signatures: [bent] });
    rows.push(map(`a bit flipped in byte ${at} of the signature, in ${part}`, 'too-few-signers', good, { bytes }));
  }
  const short = encodeEnvelope({
    payloadType: mapType,
    payload,
    signatures: [{ ...signature, sig: signature.sig.subarray(1) }],
  });
  rows.push(map('a signature of 63 bytes', 'too-few-signers', good, { bytes: short }));
  return rows;
}

function malleable(): Vector {
  const payload = encodeMap(good.manifest);
  const { keyid, sig } = sign(mapType, payload, mapSigner);
  let s = BigInt(`0x${bytesToHex(Uint8Array.from(sig.subarray(32)).reverse())}`) + ed25519.Point.Fn.ORDER;
  const high = Uint8Array.from({ length: 32 }, () => {
    const byte = Number(s & 0xffn);
    s >>= 8n;
    return byte;
  });
  const bytes = encodeEnvelope({
    payloadType: mapType,
    payload,
    signatures: [{ keyid, sig: concatBytes(sig.subarray(0, 32), high) }],
  });
  return map('a malleable signature: S plus the order of the group', 'too-few-signers', good, { bytes });
}

/** With A and R of order 1 and S of 0, a verifier without the small-order check takes this for any message. */
function smallOrder(): Vector {
  const identity = `01${'00'.repeat(31)}` as IdentityKey;
  const forged = { keyid: keyIdOf(identity), sig: concatBytes(hexToBytes(identity), new Uint8Array(32)) };
  const bytes = encodeEnvelope({ payloadType: mapType, payload: encodeMap(good.manifest), signatures: [forged] });
  const weak = rootOf({ map: { keys: [identity], threshold: 1 } });
  return map('a signature that a key of small order gives to any message', 'too-few-signers', good, {
    bytes,
    root: weak,
  });
}

export function signers(): Vector[] {
  const two = rootOf({ map: { keys: [mapSigner.key, secondMapSigner.key], threshold: 2 } });
  const by = (...names: (typeof mapSigner)[]): SignedMap => mapOf({}, undefined, names);
  const payload = encodeMap(good.manifest);
  const borrowed = { ...sign(mapType, payload, stranger), keyid: keyIdOf(mapSigner.key) };
  const otherType = { keyid: keyIdOf(mapSigner.key), sig: ed25519.sign(pae(rootType, payload), mapSigner.secret) };
  const bare = { keyid: keyIdOf(mapSigner.key), sig: ed25519.sign(payload, mapSigner.secret) };
  const forged = (what: string, signature: Signature): Vector =>
    map(what, 'too-few-signers', good, {
      bytes: encodeEnvelope({ payloadType: mapType, payload, signatures: [signature] }),
    });
  return [
    map('two signers where two are wanted', 'accepted', by(mapSigner, secondMapSigner), { root: two }),
    map('one signer where two are wanted', 'too-few-signers', by(mapSigner), { root: two }),
    map('one signer twice where two are wanted', 'too-few-signers', by(mapSigner, mapSigner), { root: two }),
    map('a signer and a stranger where two are wanted', 'too-few-signers', by(mapSigner, stranger), { root: two }),
    map('a stranger beside the one signer that is wanted', 'accepted', by(stranger, mapSigner)),
    map('only a stranger', 'too-few-signers', by(stranger)),
    map('an owner of the root, who may not sign maps', 'too-few-signers', by(owner)),
    map('a key that the newer root has revoked', 'too-few-signers', by(mapSigner), {
      root: rootOf({ version: 2, map: { keys: [secondMapSigner.key], threshold: 1 } }),
    }),
    forged("a stranger's signature under the signer's key id", borrowed),
    forged('a signature made for another payload type', otherType),
    forged('a signature over the payload without its type', bare),
    malleable(),
    smallOrder(),
  ];
}

export function payloads(): Vector[] {
  const bad = (what: string, from: string, to: string): Vector => map(what, 'malformed', payloadEdit(from, to));
  return [
    bad('a key of no meaning', '{"format"', '{"more":1,"format"'),
    bad('a format of the future', '"format":1', '"format":2'),
    bad('an epoch of 0', '"epoch":7', '"epoch":0'),
    bad('an epoch with a fraction', '"epoch":7', '"epoch":7.0'),
    bad('an epoch beyond 2^53', '"epoch":7', '"epoch":9007199254740993'),
    bad('an epoch as text', '"epoch":7', '"epoch":"7"'),
    bad('an epoch twice', '"epoch":7', '"epoch":7,"epoch":8'),
    bad('an epoch of null', '"epoch":7', '"epoch":null'),
    bad('a missing epoch', '"epoch":7,', ''),
    bad('a part name that climbs out of its folder', '"name":"policy"', '"name":"../policy"'),
    bad('a part of no meaning', '"name":"names"', '"name":"exits"'),
    bad('a part name twice', '"name":"names"', '"name":"policy"'),
    bad('a digest in upper case', good.manifest.parts[0]?.sha256 ?? '', 'A'.repeat(64)),
    map('member shards of two depths', 'malformed', withParts({ 'members/a': encodeMembers([]) })),
    map('a map without names', 'malformed', mapOf({ parts: good.manifest.parts.slice(0, 2) })),
    map('a payload that is not JSON', 'malformed', payloadMap(text('epoch 7'))),
    map('a payload of 40 nested lists', 'malformed', payloadMap(text(`${'['.repeat(40)}${']'.repeat(40)}`))),
    map('a payload that is not UTF-8', 'malformed', payloadMap(new Uint8Array([0x22, 0xc0, 0x80, 0x22]))),
    map('a lifetime of 91 days', 'malformed', mapOf({ expiresUnixS: nowUnixS - 60 + 91 * dayS })),
    map('a lifetime of 90 days', 'accepted', mapOf({ expiresUnixS: nowUnixS - 60 + 90 * dayS })),
    map('a lifetime of 59 minutes', 'malformed', mapOf({ expiresUnixS: nowUnixS - 60 + 59 * 60 })),
  ];
}

export function belief(): Vector[] {
  const seen = digestOf(encodeMap(good.manifest));
  const at = (over: Partial<MapManifest>): SignedMap => mapOf(over);
  return [
    map('a map of another network', 'wrong-network', at({ network: otherNetwork })),
    map('a map of a root that is not known yet', 'unknown-version', at({ rootVersion: 2 })),
    map('a map of the root before, whose map keys still hold', 'accepted', good, { root: rootOf({ version: 2 }) }),
    map('a map of the root before, whose map keys were replaced', 'rollback', good, {
      root: rootOf({ version: 2 }),
      floors: { minMapRootVersion: 2 },
    }),
    map('a map under a root that has expired', 'expired', good, { root: rootOf({ expiresUnixS: nowUnixS }) }),
    map('the map that is in force, once more', 'accepted', good, { floors: { epoch: 7, mapDigest: seen } }),
    map('another map of the epoch in force', 'fork', good, { floors: { epoch: 7, mapDigest: digestOf(text('x')) } }),
    map('a map of an epoch before the floor', 'rollback', good, { floors: { epoch: 8, mapDigest: seen } }),
    map('a later map with the issue time of the one before', 'accepted', good, {
      floors: { epoch: 6, mapDigest: seen },
    }),
    map('a map issued 120 s ahead', 'accepted', at({ issuedUnixS: nowUnixS + 120 })),
    map('a map issued 121 s ahead', 'not-yet', at({ issuedUnixS: nowUnixS + 121 })),
    map('a map in its last second', 'accepted', good, { nowUnixS: good.manifest.expiresUnixS - 1 }),
    map('a map at its end', 'expired', good, { nowUnixS: good.manifest.expiresUnixS }),
  ];
}
