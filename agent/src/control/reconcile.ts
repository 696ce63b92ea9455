/**
 * One run of the loop: observe, plan, apply, observe, prove, and the lease. In: what is desired and how long it may
 * stay open. Out: what the kernel shows and what differs. After a step that fails only removals go on; what is true is observed.
 */
import type { Choices, Desired } from '../policy/desired.ts';
import type { Override } from '../policy/override.ts';
import type { VerifiedMap } from '../trust/types.ts';
import { table } from '../plan/guard.ts';
import { nothingAround, type Observed } from '../plan/observed.ts';
import { describe, plan, type Step } from '../plan/plan.ts';
import { nameProblems } from '../plan/names.ts';
import { fit } from '../plan/fit.ts';
import { prove, type Proof } from '../plan/prove.ts';
import { Laps, type LapsMs } from './laps.ts';
import { observe, observeAfter } from './observe.ts';
import { messageOf, type World } from './ports.ts';

export interface Outcome {
  readonly observed: Observed;
  readonly proof: Proof;
  readonly steps: readonly string[];
  /** Where the time of this run went. */
  readonly tookMs: LapsMs;
  /** Why the networks around leave no place for the mesh. */
  readonly closedBecause?: string;
  /** What is amiss and closes nothing. */
  readonly problems: readonly string[];
  /** Seconds until the kernel closes the mesh by itself, at the monotonic second `leaseAtS`; 0 is closed. */
  readonly leaseS: number;
  readonly leaseAtS: number;
}

/** What an outcome is of: a proof of one map, of one set of choices, or of one override, is none of the next. */
export function subjectOf(map: VerifiedMap | string, choices: Choices, override?: Override): string {
  return JSON.stringify([typeof map === 'string' ? '' : map.digest, choices, override]);
}

export interface Clocks {
  readonly clockUnixS: () => number;
  readonly monotonicS: () => number;
  /** How long what is desired may still stay open. */
  readonly lifeS: () => number;
}

/** What cannot be looked at is not proven. */
export function unproven(finding: string, atUnixS: number): Outcome {
  const observed = { atUnixS, ...nothingAround, resolved: new Map() };
  return {
    observed,
    proof: { guard: [finding], rest: [] },
    steps: [],
    tookMs: {},
    problems: [],
    leaseS: 0,
    leaseAtS: 0,
  };
}

/** The kernel counts on between two looks at it, and so do we: nobody sets this clock back. */
export function leaseNowS({ leaseS, leaseAtS }: Outcome, monotonicS: number): number {
  return Math.max(0, Math.ceil(leaseS - (monotonicS - leaseAtS)));
}

async function runAll({ firewall }: World, scripts: readonly string[]): Promise<void> {
  for (const script of scripts) await firewall.run(script);
}

async function apply(world: World, step: Step): Promise<void> {
  switch (step.do) {
    case 'protection':
    case 'guard':
      return world.firewall.run(step.script);
    case 'grants':
      // What is refused revokes nothing; the table anew is closed, and opened again only by a proof.
      return runAll(world, step.scripts).catch(() => world.firewall.run(step.whole()));
    case 'remove-peers':
      return world.wireGuard.removePeers(step.interface, step.publicKeys);
    case 'set-peers':
      return world.wireGuard.setPeers(step.interface, step.peers);
    case 'greet-peers':
      return world.wireGuard.greetPeers(step.interface, step.peers);
    case 'create-link':
      return world.wireGuard.create(step.interface);
    case 'configure-link':
      return world.wireGuard.configure(step.interface, step);
    case 'address-link':
      return world.network.address(step.interface, step.addresses, step.routes, step.renewed);
    case 'routing':
      return world.routing.run(step.scripts);
    case 'boot-guard':
      return world.bootGuard.write(step.files);
    case 'names':
      return world.names.set(step);
    case 'remove-link':
      await world.wireGuard.remove(step.interface);
      return world.network.down(step.interface);
  }
}

function leaseLeftS({ guard }: Observed, name: string): number {
  return guard?.expiresS.get(`lease ${name}`) ?? 0;
}

/** Delete and add in one transaction: kernels before 6.12 keep the old timeout of an element that is added again. */
function renderLease(name: string, seconds: number): string {
  const element = (timeout: string): string => `element ${table} lease { "${name}"${timeout} }\n`;
  const renewed = seconds > 0 ? `add ${element(` timeout ${seconds}s`)}` : '';
  return `add ${element(' timeout 1s')}delete ${element('')}${renewed}`;
}

/** The kernel's seconds begin when nft has run: what would outlive its limit by then is set again, by so much less. */
async function grantLease(world: World, name: string, limitS: () => number): Promise<number> {
  for (let lateS = 0; ;) {
    const grantedS = Math.max(0, limitS() - lateS);
    await world.firewall.run(renderLease(name, grantedS));
    const overS = grantedS - limitS();
    if (overS <= 0) return grantedS;
    lateS += overS;
  }
}

/** No lease that was granted before outlives what is desired now, be it proven or not. Gives the seconds left. */
export async function shorten(
  world: World,
  { interface: name, leaseS }: Desired,
  leftS: number,
  lifeS: () => number,
): Promise<number> {
  const limitS = (): number => Math.max(0, Math.min(leaseS, lifeS()));
  return leftS <= limitS() ? leftS : grantLease(world, name, limitS);
}

/**
 * Only what is proven in full is opened, for `leaseS` seconds and never beyond `lifeS`, and renewed at half time.
 * `leftS` are left. Gives the seconds left afterwards.
 */
async function lease(
  world: World,
  desired: Desired,
  { observed, proof }: Outcome,
  leftS: number,
  lifeS: () => number,
): Promise<number> {
  const proven = proof.guard.length === 0 && proof.rest.length === 0 && desired.publicKey !== undefined;
  const limitS = (): number => Math.max(0, Math.min(desired.leaseS, lifeS()));
  const wantedS = proven ? limitS() : 0;
  if (observed.guard === undefined) return 0;
  if (wantedS === 0) {
    // A plan that did not get through leaves the last lease to run out; only what must be closed is closed now.
    const mayStay = lifeS() > 0 && desired.publicKey !== undefined && proof.guard.length === 0;
    if (leftS === 0 || mayStay) return leftS;
    await world.firewall.run(renderLease(desired.interface, 0));
    return 0;
  }
  // The kernel tells whole seconds: of as many as the map lives it may have a part more.
  if (leftS > wantedS / 2 && leftS <= wantedS && leftS < lifeS()) return leftS;
  return grantLease(world, desired.interface, limitS);
}

/** Without a proven guard no peer stays: the interface itself goes. */
async function takeDown(world: World, desired: Desired, observed: Observed): Promise<void> {
  if (observed.link !== undefined) await apply(world, { do: 'remove-link', interface: desired.interface });
}

/** Runs a plan; gives what was done. After a failure nothing more is opened; what is to go still goes. */
async function carryOut(world: World, steps: readonly Step[], log: (line: string) => void): Promise<readonly Step[]> {
  const done: Step[] = [];
  let hasFailed = false;
  for (const step of steps) {
    if (hasFailed && !step.do.startsWith('remove-')) continue;
    done.push(step);
    try {
      await apply(world, step);
    } catch (error) {
      log(`${describe(step)} failed: ${messageOf(error)}`);
      hasFailed = true;
    }
  }
  return done;
}

/** These open nothing that was not open: a table anew has no lease. */
const takesBack: readonly Step['do'][] = ['routing', 'grants', 'remove-peers'];
const putsBack: readonly Step['do'][] = ['protection', 'guard'];
const ownKey: readonly Step['do'][] = ['configure-link', 'greet-peers'];
const othersKeys: readonly Step['do'][] = ['set-peers', 'greet-peers', 'remove-peers'];
/**
 * A router that changes its key goes first: what its old one sealed, the others take as long as they know no new one, and
 * what it has to send waits for them, 128 packets at most (WireGuard's MAX_STAGED_PACKETS).
 */
const leadMs = 500;

function leading(steps: readonly Step[], kinds: readonly Step['do'][]): readonly Step[] {
  const end = steps.findIndex((step) => !kinds.includes(step.do));
  return end < 0 ? steps : steps.slice(0, end);
}

/**
 * What is taken back does not wait for a look at everything: it goes first, by what was seen last. Where that is no
 * longer so and the kernel refuses, the plan after the look does it. `isAsBefore`: what was seen last was of the same
 * desire, so that all its tables can be put back from it; those of another may need more than was looked for.
 */
export async function hurry(
  world: World,
  asked: Desired,
  last: Observed,
  isAsBefore: boolean,
  log: (line: string) => void,
): Promise<readonly Step[]> {
  const steps = plan(fit(asked, last).desired, last);
  const first = leading(steps, [...takesBack, ...(isAsBefore ? putsBack : ownKey)]);
  const done = await carryOut(world, first, log);
  const renewed = isAsBefore ? [] : leading(steps.slice(first.length), othersKeys);
  if (!renewed.some((step) => step.do === 'greet-peers')) return done;
  await new Promise((resolve) => setTimeout(resolve, leadMs));
  return [...done, ...(await carryOut(world, renewed, log))];
}

/**
 * `asked` is what the map and the choices want; what does not fit into the networks around is left out of it. `hurried`
 * was done for it already, in the first of the `laps`.
 */
export async function reconcile(
  world: World,
  asked: Desired,
  { clockUnixS, monotonicS, lifeS }: Clocks,
  log: (line: string) => void,
  broker?: string,
  hurried: readonly Step[] = [],
  laps = new Laps(monotonicS),
): Promise<Outcome> {
  const leaseAtS = monotonicS();
  const before = await observe(world, asked, broker, clockUnixS());
  laps.end('look');
  const { desired, notes, closedBecause } = fit(asked, before);
  const heldS = await shorten(world, desired, leaseLeftS(before, desired.interface), lifeS);
  const planned = plan(desired, before);
  laps.end('plan');
  const carried = await carryOut(world, planned, log);
  const steps = [...hurried, ...carried].map(describe);
  laps.end('apply');
  const observed = carried.length === 0 ? before : await observeAfter(world, desired, before, carried, clockUnixS());
  laps.end('look again');
  const proof = prove(desired, observed);
  laps.end('prove');
  if (proof.guard.length > 0) await takeDown(world, desired, observed);
  const named = [...world.resolver.problems().values(), ...world.lifelines.problems()];
  const problems = [...desired.notes, ...notes, ...named, ...nameProblems(desired, observed)];
  const outcome = { observed, proof, steps, tookMs: {}, problems, leaseS: 0, leaseAtS };
  const leftS = Math.min(heldS, leaseLeftS(observed, desired.interface));
  const leaseS = await lease(world, desired, outcome, leftS, lifeS);
  laps.end('lease');
  return { ...outcome, leaseS, tookMs: laps.ms, ...(closedBecause === undefined ? {} : { closedBecause }) };
}
