/** One look at the world. In: the ports, what is desired. Out: what is there now, of the kernel and around it. */
import type { Desired } from '../policy/desired.ts';
import type { Observed } from '../plan/observed.ts';
import { table } from '../plan/guard.ts';
import { isProtected, protectionTable } from '../plan/protection.ts';
import type { World } from './ports.ts';

type Around = Omit<
  Observed,
  'atUnixS' | 'guard' | 'protection' | 'canOffload' | 'routing' | 'bootFiles' | 'link' | 'device' | 'resolver'
>;

/** While protected, plain DNS is closed: names of endpoints are then asked like those of every other lifeline. */
async function lookAround(world: World, desired: Desired, broker: string | undefined): Promise<Around> {
  const around = await world.surroundings.look(desired.interface, desired.localNetworks);
  const endpoints = desired.peers.flatMap((peer) => peer.endpoints);
  if (isProtected(desired)) {
    return { ...around, ...(await world.lifelines.look(broker, endpoints, around.uplinkResolvers)) };
  }
  return { ...around, lifelines: [], lifelineHosts: [], resolved: await world.resolver.resolve(endpoints) };
}

export async function observe(
  world: World,
  desired: Desired,
  broker: string | undefined,
  nowUnixS: number,
): Promise<Observed> {
  const name = desired.interface;
  const [guard, protection, canOffload, routing, link, around, resolver] = await Promise.all([
    world.firewall.table(table),
    world.firewall.table(protectionTable),
    world.firewall.canOffload(),
    world.routing.look(),
    world.network.link(name),
    lookAround(world, desired, broker),
    world.names.look(desired.names?.own.name),
  ]);
  const device = link?.kind === 'wireguard' ? await world.wireGuard.device(name) : undefined;
  return {
    atUnixS: nowUnixS,
    ...around,
    canOffload,
    routing,
    bootFiles: world.bootGuard.look(),
    guard,
    protection,
    ...(link === undefined ? {} : { link }),
    ...(device === undefined ? {} : { device }),
    ...(resolver === undefined ? {} : { resolver }),
  };
}
