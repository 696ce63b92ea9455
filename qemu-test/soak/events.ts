// What happens to a mesh in a soak, by chance from a seed. In: numbers of a seed, a mesh with an exit. Out: events, each
// of which a real network knows; after each, the mesh is left to find its own way.
import { randomBytes } from 'node:crypto';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { ntpSetsClock, rightUnixS, setClock } from '../topology/clock.ts';
import { pause } from '../topology/leak.ts';
import { openRules, type Mesh } from '../topology/mesh.ts';

/** Numbers from 0 to below 1, the same for the same seed: mulberry32. */
export function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Soaked {
  readonly mesh: Mesh;
  readonly chance: () => number;
  /** Members that no machine is: they come and go. */
  readonly ghosts: string[];
}

export interface SoakEvent {
  readonly name: string;
  /** How often, beside the others. */
  readonly weight: number;
  readonly happen: (soaked: Soaked) => Promise<void>;
}

async function addGhost({ mesh, ghosts }: Soaked): Promise<void> {
  const name = `ghost-${randomBytes(4).toString('hex')}`;
  const identity = Buffer.from(ed25519.getPublicKey(randomBytes(32))).toString('hex');
  const wireGuard = Buffer.from(x25519.getPublicKey(randomBytes(32))).toString('base64');
  await mesh.operator('member', 'add', name, '--identity', identity, '--wireguard', wireGuard);
  ghosts.push(name);
}

async function changeMembers(soaked: Soaked): Promise<void> {
  const { mesh, ghosts, chance } = soaked;
  const gone = chance() < 0.5 ? ghosts.shift() : undefined;
  if (gone === undefined) await addGhost(soaked);
  else await mesh.operator('member', 'remove', gone);
  await mesh.release();
}

async function changeExit({ mesh, chance }: Soaked): Promise<void> {
  const protocols = chance() < 0.5 ? ['any'] : ['tcp:80', 'icmp'];
  const exits = [{ from: ['member:r1'], via: ['member:r2'], protocols }];
  await mesh.setPolicy(openRules(mesh.routers.values()), exits);
  await mesh.release();
}

/** From a second to ten. */
const aWhile = ({ chance }: Soaked): Promise<void> => pause(1 + 9 * chance());

const oneOf = ({ chance }: Soaked): string => (chance() < 0.5 ? 'r1' : 'r2');

const onOne =
  (command: string) =>
  async (soaked: Soaked): Promise<void> => {
    await soaked.mesh.router(oneOf(soaked)).guest.run(`${command}; true`, { timeoutMs: 120_000 });
  };

async function loseBroker(soaked: Soaked): Promise<void> {
  await soaked.mesh.broker.stop();
  await aWhile(soaked);
  await soaked.mesh.broker.start();
}

async function cutUplink(soaked: Soaked): Promise<void> {
  const name = oneOf(soaked);
  soaked.mesh.hub.cut(name);
  await aWhile(soaked);
  soaked.mesh.hub.restore(name);
}

async function jumpClock(soaked: Soaked): Promise<void> {
  const router = soaked.mesh.router(oneOf(soaked));
  const dayS = 86_400;
  await setClock(router, rightUnixS() + Math.floor((soaked.chance() - 0.5) * 60 * dayS));
  await aWhile(soaked);
  await ntpSetsClock(router, rightUnixS());
}

export const events: readonly SoakEvent[] = [
  { name: 'a member comes or goes', weight: 8, happen: changeMembers },
  { name: 'the exit passes more or less', weight: 4, happen: changeExit },
  { name: 'the broker is gone for a while', weight: 3, happen: loseBroker },
  { name: 'an uplink is cut for a while', weight: 3, happen: cutUplink },
  { name: 'a clock jumps', weight: 2, happen: jumpClock },
  {
    name: 'an agent is killed',
    weight: 3,

    happen: onOne('kill -9 $(cat /var/run/rustynet.pid)'),
  },
  { name: 'an agent is restarted', weight: 2, happen: onOne('/etc/init.d/rustynet restart') },
  { name: 'a tunnel is deleted', weight: 2, happen: onOne('ip link del rn0') },
  {
    name: 'every nft table is flushed',
    weight: 2,

    happen: onOne('nft flush ruleset; /etc/init.d/firewall start'),
  },
  { name: 'the firewall is reloaded', weight: 3, happen: onOne('fw4 -q reload') },
  {
    name: 'a router is restarted',
    weight: 1,

    happen: async (soaked) => soaked.mesh.router(oneOf(soaked)).guest.powerCut(),
  },
];

export function draw(chance: () => number): SoakEvent {
  const all = events.reduce((sum, { weight }) => sum + weight, 0);
  let left = chance() * all;
  const found = events.find(({ weight }) => (left -= weight) < 0);
  if (found === undefined) throw new Error(`soak: wanted an event, got ${left} of ${all} left`);
  return found;
}
