/** All that the agent is built from. Drivers implement it; main.ts joins the two. */
import type { Identity } from './identity.ts';
import type { Vault } from './membership.ts';
import type { AuditStore, Configuration, Settings, Store, Ubus, World } from './ports.ts';
import type { ConnectBroker } from './session.ts';

export interface AgentPorts {
  readonly version: string;
  /** No clock before the bundle was built is right. */
  readonly builtUnixS: number;
  readonly identity: Identity;
  readonly world: World;
  readonly settings: Settings;
  readonly configuration: Configuration;
  readonly store: Store;
  readonly audit: AuditStore;
  readonly vault: Vault;
  readonly ubus: Ubus;
  readonly connectBroker: ConnectBroker;
  /** With its fraction: what NTP says would be a second late without. */
  readonly clockUnixS: () => number;
  /** Seconds that nobody can set. */
  readonly monotonicS: () => number;
  /** It has been quiet for a while: what a run took can be given back. */
  readonly rest: () => void;
  readonly log: (line: string) => void;
}
