/** Who this router is; the private keys stay with the driver that made them. */
import type { IdentityKey, NodeId, WireGuardKey } from '../trust/types.ts';

export interface Identity {
  readonly id: NodeId;
  readonly identityKey: IdentityKey;
  readonly wireGuardKey: WireGuardKey;
  readonly sign: (message: Uint8Array) => Uint8Array;
}
