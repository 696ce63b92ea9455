/**
 * A small network with fixed keys, so that what is signed here is the same bytes each time.
 * In: overrides. Out: roots, maps, parts and envelopes, honestly signed; the tests bend them afterwards.
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { encodeBase64 } from '../../src/trust/base64.ts';
import { encodeEnvelope, pae, type Signature } from '../../src/trust/dsse.ts';
import { deriveMemberV6, deriveUla } from '../../src/trust/ip.ts';
import { mapType, rootType } from '../../src/trust/limits.ts';
import { encodeMap } from '../../src/trust/map.ts';
import { encodeMembers, encodeNames, encodePolicy } from '../../src/trust/parts.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import type {
  Cidr,
  IdentityKey,
  Ip,
  Label,
  MapManifest,
  Member,
  NetworkId,
  Policy,
  Root,
  Floors,
} from '../../src/trust/types.ts';
import { digestOf, keyIdOf, nodeIdOf } from '../../src/trust/words.ts';

export const network = '00112233445566778899aabbccddeeff' as NetworkId;
export const otherNetwork = 'ffeeddccbbaa99887766554433221100' as NetworkId;
export const nowUnixS = 1_800_000_000;
export const dayS = 86_400;

export interface Signer {
  readonly secret: Uint8Array;
  readonly key: IdentityKey;
}
const bytesOf = (text: string): Uint8Array => new Uint8Array([...text].map((letter) => letter.charCodeAt(0)));
export function signer(name: string): Signer {
  const secret = sha256(bytesOf(`test key ${name}`));
  return { secret, key: bytesToHex(ed25519.getPublicKey(secret)) as IdentityKey };
}

export function sign(payloadType: string, payload: Uint8Array, by: Signer): Signature {
  return { keyid: keyIdOf(by.key), sig: ed25519.sign(pae(payloadType, payload), by.secret) };
}
export function envelopeOf(payloadType: string, payload: Uint8Array, signers: readonly Signer[]): Uint8Array {
  return encodeEnvelope({ payloadType, payload, signatures: signers.map((by) => sign(payloadType, payload, by)) });
}

export const owner = signer('owner');
export const secondOwner = signer('second owner');
export const mapSigner = signer('map');
export const secondMapSigner = signer('second map');
export const stranger = signer('stranger');

export function rootOf(over: Partial<Root> = {}): Root {
  return {
    network,
    version: 1,
    expiresUnixS: nowUnixS + 365 * dayS,
    root: { keys: [owner.key], threshold: 1 },
    map: { keys: [mapSigner.key], threshold: 1 },
    ...over,
  };
}
export function signedRoot(root: Root, signers: readonly Signer[] = [owner]): Uint8Array {
  return envelopeOf(rootType, encodeRoot(root), signers);
}

export function memberOf(name: string, v4: string, over: Partial<Member> = {}): Member {
  const identityKey = over.identityKey ?? signer(`member ${name}`).key;
  const id = nodeIdOf(identityKey);
  const secret = sha256(bytesOf(`test wireguard ${name}`));
  return {
    id,
    name: name as Label,
    identityKey,
    wireGuardKey: encodeBase64(x25519.getPublicKey(secret)) as Member['wireGuardKey'],
    addresses: [v4 as Ip, deriveMemberV6(network, id)],
    subnets: [],
    roles: ['client'],
    tags: [],
    endpoints: [],
    ...over,
  };
}

export interface Content {
  readonly members: readonly Member[];
  readonly policy: Policy;
  readonly zone: string;
  readonly resolvers: readonly Ip[];
}
export const home = memberOf('home', '10.77.0.1', {
  subnets: ['192.168.1.0/24' as Cidr],
  roles: ['subnet-router'],
  endpoints: ['203.0.113.7:51820' as Member['endpoints'][number]],
});
export const office = memberOf('office', '10.77.0.2', {
  subnets: ['192.168.2.0/24' as Cidr],
  roles: ['subnet-router'],
  tags: ['work' as Label],
});
export const laptop = memberOf('laptop', '10.77.0.3');
export const content: Content = {
  members: [home, office, laptop],
  policy: {
    ranges: ['10.77.0.0/16' as Cidr, deriveUla(network)],
    rules: [{ from: ['any'], to: ['any'], protocols: ['any'] }] as unknown as Policy['rules'],
    exits: [],
  },
  zone: 'mesh.example',
  resolvers: ['9.9.9.9' as Ip],
};

export interface SignedMap {
  readonly manifest: MapManifest;
  readonly envelope: Uint8Array;
  readonly parts: Readonly<Record<string, Uint8Array>>;
}
export function partsOf({ members, policy, zone, resolvers }: Content): Readonly<Record<string, Uint8Array>> {
  return {
    members: encodeMembers(members),
    policy: encodePolicy(policy),
    names: encodeNames({ zone, resolvers }),
  };
}
export function mapOf(
  over: Partial<MapManifest> = {},
  parts: Readonly<Record<string, Uint8Array>> = partsOf(content),
  signers: readonly Signer[] = [mapSigner],
): SignedMap {
  const manifest: MapManifest = {
    network,
    epoch: 7,
    issuedUnixS: nowUnixS - 60,
    expiresUnixS: nowUnixS - 60 + 14 * dayS,
    rootVersion: 1,
    parts: Object.entries(parts).map(([name, bytes]) => ({ name, sha256: digestOf(bytes), bytes: bytes.length })),
    ...over,
  };
  return { manifest, envelope: envelopeOf(mapType, encodeMap(manifest), signers), parts };
}

/** Of a router that has seen nothing yet. */
export const noFloors: Floors = {
  rootVersion: 1,
  rootDigest: digestOf(new Uint8Array()),
  minMapRootVersion: 1,
  epoch: 0,
  timeUnixS: 0,
};
