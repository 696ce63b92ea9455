/** A good map, and the ways to bend it: each vector is one bend away from what must be accepted. */
import { encodeBase64 } from '../../src/trust/base64.ts';
import { mapType } from '../../src/trust/limits.ts';
import { encodeMap } from '../../src/trust/map.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import type { Floors, Member, Root } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { content, dayS, envelopeOf, mapOf, mapSigner, nowUnixS, partsOf, rootOf, type SignedMap } from './network.ts';
import type { Vector } from './run-vector.ts';

export const root = rootOf();
export const floors: Floors = {
  rootVersion: 1,
  rootDigest: digestOf(encodeRoot(root)),
  minMapRootVersion: 1,
  epoch: 0,
  timeUnixS: nowUnixS - dayS,
};
export const good = mapOf();
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const edited = (bytes: Uint8Array, from: string, to: string): Uint8Array => {
  const before = new TextDecoder().decode(bytes);
  if (!before.includes(from)) throw new Error(`wanted ${from} in ${before}`);
  return text(before.replace(from, to));
};
/** The map with this payload, honestly signed. */
export const payloadMap = (payload: Uint8Array): SignedMap => ({
  ...good,
  envelope: envelopeOf(mapType, payload, [mapSigner]),
});
export const payloadEdit = (from: string, to: string): SignedMap =>
  payloadMap(edited(encodeMap(good.manifest), from, to));
export const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};
export const withMembers = (members: readonly Member[]): SignedMap => mapOf({}, partsOf({ ...content, members }));
export const withParts = (over: Record<string, Uint8Array>): SignedMap => mapOf({}, { ...partsOf(content), ...over });

export interface Bent {
  readonly root?: Root;
  readonly floors?: Partial<Floors>;
  readonly nowUnixS?: number;
  readonly bytes?: Uint8Array;
  readonly parts?: Readonly<Record<string, Uint8Array>>;
  readonly pad?: number;
}
export function map(what: string, want: Vector['want'], signed: SignedMap = good, bent: Bent = {}): Vector {
  const parts = Object.values(bent.parts ?? signed.parts).map((part) => [digestOf(part), encodeBase64(part)] as const);
  return {
    what,
    want,
    door: 'map',
    root: bent.root ?? root,
    floors: { ...floors, ...bent.floors },
    nowUnixS: bent.nowUnixS ?? nowUnixS,
    bytes: encodeBase64(bent.bytes ?? signed.envelope),
    parts: Object.fromEntries(parts),
    ...(bent.pad === undefined ? {} : { pad: bent.pad }),
  };
}
