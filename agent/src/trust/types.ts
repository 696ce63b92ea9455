/**
 * The words of belief: what a verified root, map, member and policy hold, and the closed union of reasons to refuse.
 * Times are integer Unix seconds; keys and digests are lower-case hex; addresses are canonical text (RFC 5952 for IPv6).
 */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** 32 lower-case hex digits, random at `init`. */
export type NetworkId = Brand<string, 'NetworkId'>;
/** First 16 bytes of SHA-256 of the identity key, hex. */
export type NodeId = Brand<string, 'NodeId'>;
/** SHA-256, 64 lower-case hex digits. */
export type Digest = Brand<string, 'Digest'>;
/** Raw Ed25519 public key, 64 lower-case hex digits, canonical and not of small order. */
export type IdentityKey = Brand<string, 'IdentityKey'>;
/** Raw X25519 public key in WireGuard's base64, 44 characters, canonical. */
export type WireGuardKey = Brand<string, 'WireGuardKey'>;
/** Address and prefix length with no host bit set, canonical: `10.7.0.0/16`, `fd00::/48`. */
export type Cidr = Brand<string, 'Cidr'>;
/** One address without a prefix length, canonical. */
export type Ip = Brand<string, 'Ip'>;
/** 16 lower-case hex digits, random; no secret. */
export type InviteId = Brand<string, 'InviteId'>;
/** 256 random bits, 64 lower-case hex digits: whoever has it may ask to be let in, once. */
export type InviteSecret = Brand<string, 'InviteSecret'>;
/** What a secret is good for in one network and one invite, and all that either side keeps of it; 64 hex digits. */
export type InviteKey = Brand<string, 'InviteKey'>;
/** `host:port` or `[v6]:port`. */
export type Endpoint = Brand<string, 'Endpoint'>;
/** RFC 1123 label, lower case. */
export type Label = Brand<string, 'Label'>;

export type Role = 'client' | 'subnet-router' | 'exit' | 'relay';

export interface Member {
  readonly id: NodeId;
  readonly name: Label;
  readonly identityKey: IdentityKey;
  readonly wireGuardKey: WireGuardKey;
  /** One IPv4 of the network's range and one IPv6 of its ULA. */
  readonly addresses: readonly Ip[];
  readonly subnets: readonly Cidr[];
  readonly roles: readonly Role[];
  readonly tags: readonly Label[];
  readonly endpoints: readonly Endpoint[];
}

/** `any`, `member:<name>`, `tag:<tag>` or a CIDR. */
export type Selector = Brand<string, 'Selector'>;
/** `any`, `icmp`, `tcp:22`, `udp:53-60`. */
export type Protocol = Brand<string, 'Protocol'>;

export interface Rule {
  readonly from: readonly Selector[];
  readonly to: readonly Selector[];
  readonly protocols: readonly Protocol[];
}

/** Whom `from` selects may reach the internet through members that `via` selects and that have the role exit. */
export interface ExitRule {
  readonly from: readonly Selector[];
  /** Never a prefix. */
  readonly via: readonly Selector[];
  readonly protocols: readonly Protocol[];
}

export interface Policy {
  /** The network's own ranges: one IPv4 CIDR and one IPv6 /48. */
  readonly ranges: readonly Cidr[];
  readonly rules: readonly Rule[];
  readonly exits: readonly ExitRule[];
}

export interface Names {
  /** RFC 1123 domain name without a trailing dot. */
  readonly zone: string;
  /** DNS servers that a router with an exit asks, through the exit. */
  readonly resolvers: readonly Ip[];
}

export interface RoleKeys {
  readonly keys: readonly IdentityKey[];
  readonly threshold: number;
}

export interface Root {
  readonly network: NetworkId;
  readonly version: number;
  readonly expiresUnixS: number;
  readonly root: RoleKeys;
  readonly map: RoleKeys;
}

export interface PartRef {
  /** `members` or `members/<1 or 2 hex digits>`, `policy`, `names`. */
  readonly name: string;
  readonly sha256: Digest;
  readonly bytes: number;
}

export interface MapManifest {
  readonly network: NetworkId;
  readonly epoch: number;
  readonly issuedUnixS: number;
  readonly expiresUnixS: number;
  readonly rootVersion: number;
  readonly parts: readonly PartRef[];
}

/** The one thing policy and everything below it may believe; only `trust` makes one. */
export interface VerifiedMap extends MapManifest {
  readonly digest: Digest;
  readonly members: readonly Member[];
  readonly policy: Policy;
  readonly names: Names;
  readonly [brand]: 'VerifiedMap';
}

/** What a router must never fall below; on flash before anything is applied. */
export interface Floors {
  readonly rootVersion: number;
  readonly rootDigest: Digest;
  /** Maps that name an older root are refused: set when a root changed the map role. */
  readonly minMapRootVersion: number;
  /** 0 and an undefined digest before the first map. */
  readonly epoch: number;
  readonly mapDigest?: Digest;
  readonly timeUnixS: number;
}

export const refusalReasons = [
  'too-large',
  'malformed',
  'unknown-version',
  'too-few-signers',
  'wrong-network',
  'rollback',
  'fork',
  'not-yet',
  'expired',
  'part-missing',
  'part-mismatch',
  'conflict',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export interface Refusal {
  readonly refused: RefusalReason;
  /** Wanted and got, for a person: `epoch 4, floor 7`. */
  readonly detail: string;
}
