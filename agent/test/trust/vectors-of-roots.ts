/** Vectors of the root chain and of the floors on flash. */
import { encodeBase64 } from '../../src/trust/base64.ts';
import { encodeFloors } from '../../src/trust/floors.ts';
import { rootType } from '../../src/trust/limits.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import type { Root } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { envelopeOf, network, otherNetwork, owner, rootOf, secondOwner, signedRoot, stranger } from './network.ts';
import type { Vector } from './run-vector.ts';
import { root, floors, good, text, edited } from './bend.ts';

export function roots(): Vector[] {
  const first = signedRoot(root);
  const pin = digestOf(encodeRoot(root));
  const pinned = (
    what: string,
    want: Vector['want'],
    bytes: Uint8Array,
    over: { pin?: string; network?: string } = {},
  ): Vector => ({
    what,
    want,
    door: 'pin',
    network,
    pin,
    bytes: encodeBase64(bytes),
    ...over,
  });
  const next = (what: string, want: Vector['want'], bytes: Uint8Array, current: Root = root): Vector => ({
    what,
    want,
    door: 'next-root',
    root: current,
    bytes: encodeBase64(bytes),
  });
  const second = rootOf({ version: 2, root: { keys: [secondOwner.key], threshold: 1 } });
  const added = rootOf({ version: 2, root: { keys: [owner.key, secondOwner.key], threshold: 2 } });
  const spoiled = (from: string, to: string): Uint8Array =>
    envelopeOf(rootType, edited(encodeRoot(rootOf({ version: 2 })), from, to), [owner]);
  return [
    pinned('the root that the invite pins', 'accepted', first),
    pinned('a root with another digest', 'too-few-signers', first, { pin: digestOf(text('x')) }),
    pinned('the pinned root, of another network than the invite', 'wrong-network', first, { network: otherNetwork }),
    pinned('the pinned root, signed by a stranger only', 'too-few-signers', signedRoot(root, [stranger])),
    next('version 2 by new owners, signed by old and new', 'accepted', signedRoot(second, [owner, secondOwner])),
    next('version 2 by new owners, signed by the new only', 'too-few-signers', signedRoot(second, [secondOwner])),
    next('version 2 by new owners, signed by the old only', 'too-few-signers', signedRoot(second, [owner])),
    next('version 2 with two of two owners, signed by both', 'accepted', signedRoot(added, [owner, secondOwner])),
    next('version 2 with two of two owners, signed by one', 'too-few-signers', signedRoot(added, [owner])),
    next('version 3 after version 1', 'unknown-version', signedRoot(rootOf({ version: 3 }))),
    next('version 1 once more', 'rollback', first),
    next('version 2 of another network', 'wrong-network', signedRoot(rootOf({ version: 2, network: otherNetwork }))),
    next('version 2 after version 2', 'rollback', signedRoot(rootOf({ version: 2 })), rootOf({ version: 2 })),
    next('a root with an owner of small order', 'malformed', spoiled(owner.key, `01${'00'.repeat(31)}`)),
    next('a root with one owner twice', 'malformed', spoiled(`["${owner.key}"]`, `["${owner.key}","${owner.key}"]`)),
    next('a root whose threshold nobody can reach', 'malformed', spoiled('"threshold":1', '"threshold":2')),
    next('a root whose threshold is 0', 'malformed', spoiled('"threshold":1', '"threshold":0')),
    next('a root with an upper-case key', 'malformed', spoiled(owner.key, owner.key.toUpperCase())),
    next('a map where a root is wanted', 'malformed', good.envelope),
  ];
}

export function floorFiles(): Vector[] {
  const file = encodeFloors({ ...floors, epoch: 7, mapDigest: digestOf(text('x')) });
  const row = (what: string, want: Vector['want'], bytes: Uint8Array): Vector => ({
    what,
    want,
    door: 'floors',
    bytes: encodeBase64(bytes),
  });
  return [
    row('floors of a router with a map', 'accepted', file),
    row('floors of a router that has seen no map', 'accepted', encodeFloors(floors)),
    row('floors cut in the middle', 'malformed', file.subarray(0, 60)),
    row('floors without their epoch', 'malformed', edited(file, '"epoch":7,', '')),
    row('floors with an epoch and no digest', 'malformed', edited(file, digestOf(text('x')), '')),
    row('an empty file', 'malformed', new Uint8Array()),
    row('a file of zeros, as a power cut leaves it', 'malformed', new Uint8Array(200)),
  ];
}
