// How long until it is as it was: after the broker, the uplink of the other router, the daemon and a whole router were
// gone. In: a mesh. Out: raw samples, each from the word that brings it back to what a person would wait for.
import { setTimeout as pause } from 'node:timers/promises';
import { defaultBounds } from '../../agent/src/control/backoff.ts';
import type { Series } from '../evidence/budgets.ts';
import type { Mesh } from '../topology/mesh.ts';

const rounds = 5;
const goneMs = 10_000;
const waitMs = 180_000;

const isConnected = ({ broker }: Readonly<Record<string, unknown>>): boolean =>
  (broker as { connected?: boolean } | undefined)?.connected === true;

interface Loss {
  readonly name: string;
  readonly lose: (mesh: Mesh) => Promise<unknown>;
  readonly mend: (mesh: Mesh) => Promise<unknown>;
  readonly isBack: (mesh: Mesh) => Promise<unknown>;
}

const packetPasses = (mesh: Mesh): Promise<void> => mesh.router('r1').contacts(mesh.router('r2').hostAddress, waitMs);

const losses: readonly Loss[] = [
  {
    name: 'the broker is back after 10 s: until the router is connected',
    lose: async (mesh) => {
      // A connection that was shorter ends no series of waits: they would double from round to round.
      await pause(defaultBounds.stableMs + 5000);
      await mesh.broker.stop();
      await mesh.router('r1').until((status) => !isConnected(status), 'a lost broker');
      await pause(goneMs);
    },
    mend: (mesh) => mesh.broker.start(),
    isBack: (mesh) => mesh.router('r1').until(isConnected, 'a connected router', waitMs),
  },
  {
    name: 'the uplink of the other router is back after 10 s: until a packet passes',
    lose: async (mesh) => {
      mesh.hub.cut('r2');
      await pause(goneMs);
    },
    mend: async (mesh) => Promise.resolve(mesh.hub.restore('r2')),
    isBack: packetPasses,
  },
  {
    name: 'the daemon is started: until the map is proven in the kernel',
    lose: (mesh) => mesh.router('r1').guest.run('/etc/init.d/rustynet stop'),
    mend: (mesh) => mesh.router('r1').guest.run('/etc/init.d/rustynet start'),
    isBack: (mesh) => mesh.router('r1').reaches('enforced', undefined, waitMs),
  },
  {
    name: 'the router reboots: until a packet passes',
    lose: async () => Promise.resolve(),
    mend: (mesh) => mesh.router('r1').guest.reboot(),
    isBack: packetPasses,
  },
];

async function backUs(mesh: Mesh, { lose, mend, isBack }: Loss): Promise<number> {
  await lose(mesh);
  const beganMs = performance.now();
  await mend(mesh);
  await isBack(mesh);
  return Math.round(1000 * (performance.now() - beganMs));
}

export async function reconnect(mesh: Mesh): Promise<readonly Series[]> {
  const all: Series[] = [];
  for (const loss of losses) {
    const values: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await packetPasses(mesh);
      values.push(await backUs(mesh, loss));
    }
    all.push({ name: loss.name, unit: 'us', values });
  }
  return all;
}
