/** Who this router is; the private keys stay with the driver that made them. */
import type { IdentityKey, NodeId, WireGuardKey } from '../trust/types.ts';

export interface Identity {
  readonly id: NodeId;
  readonly identityKey: IdentityKey;
  /** Of the private key in use. */
  readonly wireGuardKey: WireGuardKey;
  /** Of the one that `makeNextKey` made, until it is the one in use. */
  readonly nextWireGuardKey: WireGuardKey | undefined;
  /** Gives the next key, which is on flash; made if there was none. */
  makeNextKey(): WireGuardKey;
  /** The next key is the one in use from now on; the one before it is gone from flash. */
  takeNextKey(): void;
  /** Fault `KEY_FILE` where flash has other keys than this process, or none: with the power, these would be lost. */
  requireKept(): void;
  readonly sign: (message: Uint8Array) => Uint8Array;
}
