/**
 * What is worth the audit log: two consecutive runs of the loop, told apart. In: what was seen last, and the report of
 * the run that has ended. Out: what happened between the two, and what is seen now. Pure.
 */
import { skewS } from '../trust/limits.ts';
import type { Floors } from '../trust/types.ts';
import type { Audit, Happening } from './audit.ts';
import type { Report } from './status.ts';

export interface Scene {
  readonly report: Report;
  /** False while the settings say nothing that can be read. */
  readonly isConfigured: boolean;
  /** What the outcome is of: the same map and the same choices. */
  readonly subject: string;
  readonly clockUnixS: number;
  readonly monotonicS: number;
}
type Settings = Pick<Report, 'network' | 'choices'>;
type Counts = NonNullable<Report['refusals']>['counts'];
export interface Seen {
  readonly settings: Settings | undefined;
  readonly floors: Floors | undefined;
  readonly wireGuardKey: string;
  readonly state: string;
  /** The live counts of a session, and what they were. */
  readonly counts: { readonly of: Counts; readonly were: Counts } | undefined;
  /** Between the system clock and the one that nobody sets. */
  readonly offsetS: number;
  readonly subject: string;
  readonly isProven: boolean;
  /** Steps that brought back what was proven before, until it is proven again. */
  readonly drift: string | undefined;
}

function toldMembership(before: Settings | undefined, now: Settings | undefined): readonly Happening[] {
  if (before === undefined || now === undefined || before.network === now.network) return [];
  return [
    ...(before.network === undefined ? [] : [{ event: 'left', fields: { network: before.network } } as const]),
    ...(now.network === undefined ? [] : [{ event: 'joined', fields: { network: now.network } } as const]),
  ];
}

function choiceFields({ choices }: Settings): Happening['fields'] {
  const { exit, exitLan, offersExit, announced, localNetworks } = choices;
  return {
    exit,
    exit_lan: exitLan,
    offer_exit: offersExit,
    announced: announced.join(' '),
    local_networks: localNetworks.join(' '),
  };
}

function toldChoices(before: Settings | undefined, now: Settings | undefined): readonly Happening[] {
  if (before === undefined || now === undefined) return [];
  const fields = choiceFields(now);
  return JSON.stringify(fields) === JSON.stringify(choiceFields(before)) ? [] : [{ event: 'choices', fields }];
}

function toldKey(before: string | undefined, now: string): readonly Happening[] {
  return before === undefined || before === now ? [] : [{ event: 'key-changed', fields: { wireguard: now } }];
}

/** The first floors of a network come with joining it. */
function toldFloors(before: Floors | undefined, now: Floors | undefined, hasJoined: boolean): readonly Happening[] {
  if (now === undefined || (before === undefined && !hasJoined)) return [];
  const { rootVersion, rootDigest, epoch, mapDigest, timeUnixS } = now;
  const root = { event: 'root-accepted', fields: { version: rootVersion, digest: rootDigest } } as const;
  const map = { event: 'map-accepted', fields: { epoch, digest: mapDigest ?? '' } } as const;
  const floors = { event: 'floors-raised', fields: { root_version: rootVersion, epoch, time: timeUnixS } } as const;
  return [
    ...(before === undefined || before.rootDigest === rootDigest ? [] : [root]),
    ...(mapDigest === undefined || before?.mapDigest === mapDigest ? [] : [map]),
    ...(before !== undefined && JSON.stringify(before) === JSON.stringify(now) ? [] : [floors]),
  ];
}

function toldRefusals(seen: Seen | undefined, refusals: Report['refusals']): readonly Happening[] {
  if (refusals === undefined) return [];
  // A new session counts from 0.
  const before = seen?.counts?.of === refusals.counts ? seen.counts.were : undefined;
  return (Object.keys(refusals.counts) as (keyof Counts)[]).flatMap((reason) => {
    const times = refusals.counts[reason] - (before?.[reason] ?? 0);
    const detail = refusals.last?.refused === reason ? refusals.last.detail : '';
    return times > 0 ? [{ event: 'refused', fields: { reason, detail }, times } as const] : [];
  });
}

function toldState(before: string | undefined, { judgement, floors }: Report): readonly Happening[] {
  const { state, why } = judgement;
  return state === before ? [] : [{ event: 'state', fields: { state, why, epoch: floors?.epoch ?? 0 } }];
}

/** Steps although neither the map nor the choices changed, and all was proven. */
function driftOf(seen: Seen | undefined, { subject, report }: Scene): string | undefined {
  if (seen?.subject !== subject) return undefined;
  const { steps = [] } = report.outcome ?? {};
  return seen.isProven && steps.length > 0 ? steps.join('; ') : seen.drift;
}

function isProven({ outcome }: Report): boolean {
  return outcome !== undefined && outcome.proof.guard.length === 0 && outcome.proof.rest.length === 0;
}

/** Without a first look there is nothing to compare with: what is found at the start is no change. */
export function tell(
  seen: Seen | undefined,
  scene: Scene,
): { readonly told: readonly Happening[]; readonly seen: Seen } {
  const { report, isConfigured, subject, clockUnixS, monotonicS } = scene;
  const { floors, refusals, judgement, identity } = report;
  const { wireGuardKey } = identity;
  const settings = isConfigured ? { network: report.network, choices: report.choices } : seen?.settings;
  const membership = toldMembership(seen?.settings, settings);
  const hasJoined = membership.some(({ event }) => event === 'joined');
  const known = membership.length > 0 ? undefined : seen?.floors;
  const offsetS = clockUnixS - monotonicS;
  const jumpS = Math.round(offsetS - (seen?.offsetS ?? offsetS));
  const hasJumped = Math.abs(jumpS) > skewS;
  const [drift, proven] = [driftOf(seen, scene), isProven(report)];
  const told: readonly Happening[] = [
    ...(hasJumped ? [{ event: 'clock-jump', fields: { by_s: jumpS } } as const] : []),
    ...membership,
    ...toldChoices(seen?.settings, settings),
    ...toldKey(seen?.wireGuardKey, wireGuardKey),
    ...toldFloors(known, floors, hasJoined),
    ...toldRefusals(seen, refusals),
    ...(drift !== undefined && proven ? [{ event: 'drift-repaired', fields: { steps: drift } } as const] : []),
    ...toldState(seen?.state, report),
  ];
  return {
    told,
    seen: {
      settings,
      floors: floors ?? known,
      wireGuardKey,
      state: judgement.state,
      counts: refusals && { of: refusals.counts, were: { ...refusals.counts } },
      // Small steps that are not told add up until they are.
      offsetS: hasJumped || seen === undefined ? offsetS : seen.offsetS,
      subject,
      isProven: proven,
      drift: proven ? undefined : drift,
    },
  };
}

/** Puts what happened between one run and the next into the log. */
export class Teller {
  readonly #audit: Audit;
  #seen: Seen | undefined;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  see(scene: Scene): void {
    const { told, seen } = tell(this.#seen, scene);
    this.#seen = seen;
    const { nowUnixS: atUnixS, clock } = scene.report;
    this.#audit.record(told, { atUnixS, clock });
  }
}
