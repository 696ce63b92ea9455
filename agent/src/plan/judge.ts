/**
 * The state of the router: one total function of what is known. In: the observation, the proof, the clock, the map.
 * Out: a state and why. Absence closes.
 */
import type { Proof } from './prove.ts';

export type State = 'starting' | 'unclocked' | 'closed' | 'applying' | 'enforced' | 'unsafe' | 'break-glass';

export interface Facts {
  /** `undefined` before the kernel was looked at. */
  readonly proof: Proof | undefined;
  readonly applying: boolean;
  /** A person's words why there is no map to enforce; `undefined` when there is one. */
  readonly closedBecause: string | undefined;
  readonly clockUsable: boolean;
  /** Until the kernel closes by itself; 0 is closed, whatever else is proven. */
  readonly leaseS: number;
  /** Who overrode it, why and until when; `undefined` when nobody did. */
  readonly override: string | undefined;
}
export interface Judgement {
  readonly state: State;
  readonly why: string;
}

export function judge({ proof, applying, closedBecause, clockUsable, leaseS, override }: Facts): Judgement {
  if (proof === undefined) return { state: 'starting', why: 'the kernel was not looked at yet' };
  const [guardFinding] = proof.guard;
  if (guardFinding !== undefined && !applying) return { state: 'unsafe', why: guardFinding };
  if (applying) return { state: 'applying', why: 'a plan is running' };
  const isOverridden = override !== undefined;
  if (!isOverridden && !clockUsable) {
    return { state: 'unclocked', why: closedBecause ?? 'the time is not known well enough to rule out expiry' };
  }
  const [finding] = proof.rest;
  if (!isOverridden && closedBecause !== undefined) {
    return finding === undefined ? { state: 'closed', why: closedBecause } : { state: 'unsafe', why: finding };
  }
  if (finding !== undefined) return { state: 'applying', why: finding };
  if (leaseS <= 0) return { state: 'applying', why: 'the lease has ended: wanted one in the kernel, got none' };
  if (isOverridden) {
    const without = closedBecause === undefined ? '' : `; without it closed: ${closedBecause}`;
    return { state: 'break-glass', why: `${override}${without}` };
  }
  return { state: 'enforced', why: 'the kernel shows what the map asks for' };
}
