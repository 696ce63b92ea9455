/**
 * Runs one vector through the doors of trust; pure, so that it runs inside QuickJS too.
 * In: a vector of vectors/trust.json. Out: `accepted`, or the reason of the refusal with its detail.
 */
import { decodeBase64 } from '../../src/trust/base64.ts';
import { decodeFloors } from '../../src/trust/floors.ts';
import { verifyMap } from '../../src/trust/map.ts';
import { completeMap } from '../../src/trust/parts.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { verifyNextRoot, verifyPinnedRoot } from '../../src/trust/root.ts';
import type { Digest, Floors, NetworkId, Refusal, Root } from '../../src/trust/types.ts';

interface Common {
  /** A sentence: what the bytes are. */
  readonly what: string;
  readonly want: 'accepted' | Refusal['refused'];
  /** Base64; `pad` blanks follow, so that a large input needs no large file. */
  readonly bytes: string;
  readonly pad?: number;
}
export type Vector = Common &
  (
    | { readonly door: 'pin'; readonly network: string; readonly pin: string }
    | { readonly door: 'next-root'; readonly root: Root }
    | { readonly door: 'floors' }
    | {
        readonly door: 'map';
        readonly root: Root;
        readonly floors: Floors;
        readonly nowUnixS: number;
        readonly parts: Readonly<Record<string, string>>;
      }
  );

function bytesOf(text: string, pad = 0): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw new Error(`wanted base64, got ${text.slice(0, 40)}`);
  const padded = new Uint8Array(bytes.length + pad).fill(0x20);
  padded.set(bytes);
  return padded;
}

function open(vector: Vector): unknown {
  const bytes = bytesOf(vector.bytes, vector.pad);
  switch (vector.door) {
    case 'pin':
      return verifyPinnedRoot(bytes, vector.pin as Digest, vector.network as NetworkId);
    case 'next-root':
      return verifyNextRoot(vector.root, bytes);
    case 'floors':
      return decodeFloors(bytes);
    case 'map': {
      const manifest = verifyMap(bytes, vector.root, vector.floors, vector.nowUnixS);
      if (isRefusal(manifest)) return manifest;
      return completeMap(manifest, (digest) => {
        const part = vector.parts[digest];
        return part === undefined ? undefined : bytesOf(part);
      });
    }
  }
}

export function runVector(vector: Vector): { readonly got: Vector['want']; readonly detail: string } {
  const result = open(vector);
  return isRefusal(result) ? { got: result.refused, detail: result.detail } : { got: 'accepted', detail: '' };
}
