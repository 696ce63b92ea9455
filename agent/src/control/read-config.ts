/**
 * The settings, as they can be used on this router. In: UCI, and what there is under the name of the interface. Out: a
 * configuration, or Fault `SETTINGS`. A device of ours is closed by taking it away: another's must not have its name.
 */
import type { AgentPorts } from './agent-ports.ts';
import type { Happening } from './audit.ts';
import { parseConfig, settingsFault, type Config } from './config.ts';
import { settled } from './membership.ts';

type Ports = Pick<AgentPorts, 'settings' | 'vault' | 'configuration' | 'world' | 'identity' | 'log'>;

/** Before its section is there, or after somebody deleted it, a device is ours by its key. */
async function isFree({ configuration, world, identity }: Ports, name: string): Promise<boolean> {
  const section = (await configuration.sections('network'))[name];
  if (section !== undefined && section['proto'] !== 'rustynet') return false;
  const link = await world.network.link(name);
  if (link === undefined) return true;
  if (link.kind !== 'wireguard') return false;
  const { publicKey } = (await world.wireGuard.device(name)) ?? {};
  return section !== undefined || publicKey === identity.wireGuardKey || publicKey === identity.nextWireGuardKey;
}

/** `told`: what happened to the membership by it. */
export async function readConfig(ports: Ports, told: (event: Happening) => void): Promise<Config> {
  const options = await settled(ports, (broker) => told({ event: 'broker-changed', fields: { broker } }));
  const config = parseConfig(options);
  const { interface: name } = config.choices;
  if (await isFree(ports, name)) return config;
  throw settingsFault('interface', 'a name that no other network or device of this router has', name);
}
