/** Whether there is a map to enforce. In: settings, membership, identity. Out: the map, or a person's words why not. */
import type { VerifiedMap } from '../trust/types.ts';
import type { Config } from './config.ts';
import type { Identity } from './identity.ts';
import { messageOf, type Fault } from './ports.ts';
import type { Session } from './session.ts';

export interface Grounds {
  /** Why there is no session although there should be one. */
  readonly problem: string | undefined;
  readonly unfit: Fault | undefined;
  readonly config: Config;
  readonly session: Session | undefined;
}

export function usableMap(identity: Identity, { problem, unfit, config, session }: Grounds): VerifiedMap | string {
  if (problem !== undefined) return problem;
  if (unfit?.code === 'SECTION') return unfit.message;
  if (!config.enabled) return 'disabled: rustynet.main.enabled is 0';
  if (session === undefined) return 'no network was joined; run "rustynet join"';
  if (session.problem !== undefined) return session.problem;
  const { invite } = session;
  const waits = invite === undefined ? '' : `waits for the operator to approve invite ${invite}: `;
  const map = session.belief.current();
  if (typeof map === 'string') return `${waits}${map}`;
  const own = map.members.find(({ id }) => id === identity.id);
  if (own === undefined) return `${waits}this router is no member in epoch ${map.epoch}`;
  const { wireGuardKey } = identity;
  if (own.wireGuardKey === wireGuardKey) return map;
  return `the map of epoch ${map.epoch} has the WireGuard key ${own.wireGuardKey} for this router, not ${wireGuardKey}`;
}

/** The next WireGuard key is in use once the map has it. Where flash does not take it, `usableMap` says so. */
export function takeKey(map: VerifiedMap | string | undefined, identity: Identity, log: (line: string) => void): void {
  const own = typeof map === 'object' ? map.members.find(({ id }) => id === identity.id) : undefined;
  if (own === undefined || own.wireGuardKey !== identity.nextWireGuardKey) return;
  try {
    identity.takeNextKey();
  } catch (error) {
    log(`the next WireGuard key could not be taken: ${messageOf(error)}`);
  }
}
