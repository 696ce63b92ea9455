/** One look at the world. In: the ports, what is desired. Out: what is there now, of the kernel and around it. */
import type { Desired } from '../policy/desired.ts';
import { nothingAround, type Observed } from '../plan/observed.ts';
import { table } from '../plan/guard.ts';
import type { Step } from '../plan/plan.ts';
import { isProtected, protectionTable } from '../plan/protection.ts';
import type { World } from './ports.ts';

type Around = Omit<
  Observed,
  'atUnixS' | 'guard' | 'protection' | 'canOffload' | 'routing' | 'bootFiles' | 'link' | 'device' | 'resolver'
>;

/** While protected, plain DNS is closed: names of endpoints are then asked like those of every other lifeline. */
async function lookAround(world: World, desired: Desired, broker: string | undefined): Promise<Around> {
  const { uplinkClocks, ...around } = await world.surroundings.look(desired.interface, desired.localNetworks);
  const endpoints = desired.peers.flatMap((peer) => peer.endpoints);
  if (isProtected(desired)) {
    return { ...around, ...(await world.lifelines.look(broker, endpoints, around.uplinkResolvers, uplinkClocks)) };
  }
  return { ...around, lifelines: [], lifelineHosts: [], resolved: await world.resolver.resolve(endpoints) };
}

async function lookAtLink(world: World, { interface: name }: Desired): Promise<Pick<Observed, 'link' | 'device'>> {
  const link = await world.network.link(name);
  const device = link?.kind === 'wireguard' ? await world.wireGuard.device(name) : undefined;
  return { link, device };
}

/** What one step can have changed. */
type Part = 'guard' | 'protection' | 'routing' | 'bootFiles' | 'link' | 'resolver';
type Look = (world: World, desired: Desired) => Promise<Partial<Observed>>;
const looks: Readonly<Record<Part, Look>> = {
  guard: async ({ firewall }) => ({ guard: await firewall.table(table) }),
  protection: async ({ firewall }) => ({ protection: await firewall.table(protectionTable) }),
  routing: async ({ routing }) => ({ routing: await routing.look() }),
  bootFiles: async ({ bootGuard }) => Promise.resolve({ bootFiles: bootGuard.look() }),
  link: lookAtLink,
  resolver: async ({ names }, desired) => ({ resolver: await names.look(desired.names?.own.name) }),
};
const everything = Object.keys(looks) as Part[];
const changedBy: Readonly<Record<Step['do'], readonly Part[]>> = {
  protection: ['protection'],
  routing: ['routing'],
  'boot-guard': ['bootFiles'],
  guard: ['guard'],
  grants: ['guard'],
  'remove-peers': ['link'],
  'greet-peers': ['link'],
  'set-peers': ['link'],
  names: ['resolver'],
  // Routes go and come with the device.
  'remove-link': everything,
  'create-link': everything,
  'configure-link': everything,
  'address-link': everything,
};

export async function observe(
  world: World,
  desired: Desired,
  broker: string | undefined,
  atUnixS: number,
): Promise<Observed> {
  const [around, canOffload, ...parts] = await Promise.all([
    lookAround(world, desired, broker),
    world.firewall.canOffload(),
    ...everything.map((part) => looks[part](world, desired)),
  ]);
  return Object.assign({ ...nothingAround, atUnixS, ...around, canOffload }, ...parts) as Observed;
}

/** After steps: a look at what they can have changed; the rest is as it was seen before them, in the same run. */
export async function observeAfter(
  world: World,
  desired: Desired,
  before: Observed,
  steps: readonly Step[],
  atUnixS: number,
): Promise<Observed> {
  const parts = [...new Set(steps.flatMap((step) => changedBy[step.do]))];
  const seen = await Promise.all(parts.map((part) => looks[part](world, desired)));
  return Object.assign({ ...before, atUnixS }, ...seen) as Observed;
}
