/**
 * The file in which a proposed root goes from owner to owner, by hand. In: its bytes, the roots that this folder knows.
 * Out: the roots that hold, verified from version 1 on, the proposal, and which owners have signed it; or a refusal. The
 * file brings its own roots: an owner needs nothing but it and a key.
 */
import { decodeBase64, encodeBase64 } from '../trust/base64.ts';
import { openEnvelope, signersOf, type Envelope } from '../trust/dsse.ts';
import { readJson } from '../trust/json.ts';
import { rootType } from '../trust/limits.ts';
import { refusing } from '../trust/refuse.ts';
import { readProposedRoot, verifyPinnedRoot, type ProposedRoot, type VerifiedRoot } from '../trust/root.ts';
import { integer, list, record, text } from '../trust/shape.ts';
import type { IdentityKey, Root } from '../trust/types.ts';
import { prettyJson, readNamedFile, type Folder } from './folder.ts';
import { believed, fail } from './refused.ts';
import { readSettings, settingsFile } from './settings.ts';
import { newest, readRoots, rootFile, walk, type SignedRoots } from './signed.ts';

export interface Carried {
  /** Up to the root that holds: those of this folder, or more. */
  readonly roots: SignedRoots;
  readonly next: ProposedRoot;
  readonly envelope: Envelope;
  readonly bytes: Uint8Array;
  readonly signers: ReadonlySet<IdentityKey>;
}

/** Where `root propose` leaves it. */
export function proposalFile(version: number): string {
  return `proposed/root-${version}.json`;
}

export const maxRoots = 10_000;
const maxCarriedBytes = 16 * 1024 * 1024;
const base64 = text('standard base64', decodeBase64);
const shape = record({ format: integer(1, 1), roots: list(base64, 1, maxRoots), proposed: base64 });

export function encodeCarried(roots: SignedRoots, proposed: Uint8Array): string {
  const before = roots.map(({ envelope }) => encodeBase64(envelope));
  return prettyJson({ format: 1, roots: before, proposed: encodeBase64(proposed) });
}

/**
 * The roots of this folder: of its network, or, where an owner has nothing but keys, those that its last signature was
 * for. None in a folder that signed nothing yet: whoever carries the first file there is believed as to the past.
 */
export function knownRoots(folder: Folder): SignedRoots | undefined {
  if (folder.has(settingsFile)) return readRoots(folder, readSettings(folder));
  const first = folder.read(rootFile(1));
  return first === undefined ? undefined : readRoots(folder, pinOf(first, rootFile(1)));
}

function pinOf(first: Uint8Array, subject: string) {
  const { digest: rootDigest, network } = believed(readProposedRoot(first), subject);
  return { rootDigest, network };
}

function requireOneLine(known: SignedRoots, roots: SignedRoots, path: string): void {
  for (const [at, { root }] of known.entries()) {
    const other = roots[at]?.root.digest ?? root.digest;
    if (other === root.digest) continue;
    const wanted = `wanted root version ${root.version} ${root.digest}, as in this folder, got ${other}`;
    fail(
      'fork',
      `${path}: ${wanted}: two roots of one version were signed; ask the other owners which one is published`,
    );
  }
}

/** Both owners' keys, once each: whose signature counts for this proposal. */
export function ownersOf(current: Root, next: Root): readonly IdentityKey[] {
  return [...new Set([...current.root.keys, ...next.root.keys])];
}

function requireNext(known: SignedRoots, current: VerifiedRoot, next: ProposedRoot, path: string): void {
  if (next.network !== current.network) {
    fail('wrong-network', `${path}: wanted a root of network ${current.network}, got one of ${next.network}`);
  }
  const same = known.find(({ root }) => root.version === next.version)?.root;
  if (same?.digest === next.digest) fail('accepted', `${path}: root version ${next.version} is in this folder already`);
  if (same !== undefined) {
    const wanted = `wanted root version ${next.version} ${same.digest}, as in this folder, got ${next.digest}`;
    fail('fork', `${path}: ${wanted}: another proposal was accepted; propose the change again`);
  }
  if (next.version !== current.version + 1) {
    const wanted = `wanted a proposal of root version ${current.version + 1}`;
    fail('rollback', `${path}: ${wanted}, got ${next.version}: propose the change again`);
  }
}

/** What a carried file says of the past, verified from the first root that this folder knows, or else from its own. */
export function readPast(path: string, known: SignedRoots | undefined, envelopes: readonly Uint8Array[]): SignedRoots {
  const nameOf = (version: number): string => `root version ${version} in ${path}`;
  const oldest = envelopes[0] ?? fail('no-root', `${path}: wanted a root, got none`);
  const told = pinOf(oldest, nameOf(1));
  const pin = known === undefined ? told : pinOf(known[0].envelope, rootFile(1));
  if (told.network !== pin.network) {
    fail('wrong-network', `${path}: wanted roots of network ${pin.network}, got some of ${told.network}`);
  }
  const pinned = believed(verifyPinnedRoot(oldest, pin.rootDigest, pin.network), nameOf(1));
  const carried = walk({ root: pinned, envelope: oldest }, (version) => envelopes[version - 1], nameOf);
  requireOneLine(known ?? carried, carried, path);
  return known !== undefined && known.length > carried.length ? known : carried;
}

export function requireUnedited(path: string, envelope: Envelope, signers: ReadonlySet<IdentityKey>): void {
  const { length } = envelope.signatures;
  if (signers.size === length) return;
  const wanted = `wanted ${length} signatures of keys that may sign, each holding, got ${signers.size}`;
  fail('edited', `${path}: ${wanted}: it was changed after it was signed; ask for it again`);
}

export function readCarried(path: string, known: SignedRoots | undefined): Carried {
  const file = readNamedFile(path, 'a proposed root');
  const { roots: envelopes, proposed: bytes } = believed(
    refusing(() => shape(readJson(file, maxCarriedBytes), '$')),
    path,
  );
  const roots = readPast(path, known, envelopes);
  const next = believed(readProposedRoot(bytes), path);
  const current = newest(roots).root;
  requireNext(roots, current, next, path);
  const envelope = believed(
    refusing(() => openEnvelope(bytes, rootType)),
    path,
  );
  const signers = signersOf(envelope, ownersOf(current, next));
  requireUnedited(path, envelope, signers);
  return { roots, next, envelope, bytes, signers };
}
