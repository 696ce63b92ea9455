/**
 * Runs one vector through the doors of trust; pure, so that it runs inside QuickJS too.
 * In: a vector of vectors/trust.json. Out: `accepted`, or the reason of the refusal with its detail; an audit log with
 * a finding is `found`.
 */
import { isFinding, verifyAudit } from '../../src/trust/audit-verify.ts';
import { decodeBase64 } from '../../src/trust/base64.ts';
import { decodeFloors } from '../../src/trust/floors.ts';
import { verifyMap } from '../../src/trust/map.ts';
import { completeMap } from '../../src/trust/parts.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { verifyNextRoot, verifyPinnedRoot } from '../../src/trust/root.ts';
import { verifyJoin } from '../../src/trust/verify-join.ts';
import type {
  Digest,
  Floors,
  IdentityKey,
  InviteKey,
  NetworkId,
  NodeId,
  Refusal,
  Root,
} from '../../src/trust/types.ts';

interface Common {
  /** A sentence: what the bytes are. */
  readonly what: string;
  readonly want: 'accepted' | 'found' | Refusal['refused'];
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
        readonly door: 'join';
        readonly network: string;
        readonly node: string;
        /** Of each invite its key, or why it lets nobody in. */
        readonly keys: Readonly<Record<string, string | Refusal>>;
      }
    | {
        /** `bytes` is the head record, empty for none. */
        readonly door: 'audit';
        readonly key: string;
        readonly segments: readonly (readonly [name: string, bytes: string])[];
      }
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
    case 'join':
      return verifyJoin(bytes, vector.network as NetworkId, vector.node as NodeId, (invite) => {
        const key = vector.keys[invite];
        const none: Refusal = { refused: 'conflict', detail: `wanted an invite of this folder, got ${invite}` };
        return typeof key === 'string' ? (key as InviteKey) : (key ?? none);
      });
    case 'audit': {
      const segments = vector.segments.map(([name, segment]) => ({ name, bytes: bytesOf(segment) }));
      const head = bytes.length === 0 ? undefined : bytes;
      return verifyAudit({ segments, head }, vector.key as IdentityKey);
    }
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
  if (isRefusal(result)) return { got: result.refused, detail: result.detail };
  return isFinding(result) ? { got: 'found', detail: result.detail } : { got: 'accepted', detail: '' };
}
