// A process of the fleet, started by fleet.ts. In: by IPC, what its routers know of the network, and their logins. Out: a
// message for each map that each of them adopts; the first is the one that it knows, as soon as it heard it from the broker.
// The first map is read once for all of them; every later one is checked by each.
import { firstFloors, advanceMap } from '../../agent/src/trust/floors.ts';
import { verifyMap } from '../../agent/src/trust/map.ts';
import { completeMap } from '../../agent/src/trust/parts.ts';
import { verifyPinnedRoot } from '../../agent/src/trust/root.ts';
import type { Digest, NetworkId } from '../../agent/src/trust/types.ts';
import { digestOf } from '../../agent/src/trust/words.ts';
import { FleetRouter, believed, type Adoption, type Known, type Login } from './fleet-router.ts';

export interface Crew {
  readonly network: NetworkId;
  readonly rootDigest: Digest;
  readonly root: Uint8Array;
  readonly map: Uint8Array;
  readonly parts: readonly Uint8Array[];
  readonly logins: readonly Login[];
}

/** Logins cost the broker's one thread milliseconds each. */
const atOnce = 20;

function known(crew: Crew): Known {
  const root = believed(verifyPinnedRoot(crew.root, crew.rootDigest, crew.network));
  const parts = new Map(crew.parts.map((bytes) => [digestOf(bytes), bytes]));
  const first = firstFloors(root, 0);
  const manifest = believed(verifyMap(crew.map, root, first, Math.floor(Date.now() / 1000)));
  const map = believed(completeMap(manifest, (digest) => parts.get(digest)));
  return { root, floors: advanceMap(first, map), map, parts };
}

const waiting: (() => void)[] = [];
/** One after another, and what has come from the broker is read in between. */
function later(work: () => void): void {
  waiting.push(work);
  if (waiting.length === 1) setImmediate(next);
}
function next(): void {
  waiting[0]?.();
  waiting.shift();
  if (waiting.length > 0) setImmediate(next);
}

async function start(crew: Crew): Promise<void> {
  const all = known(crew);
  const ready = (login: Login): Promise<void> =>
    new Promise((resolve) => {
      const onAdopted = (adoption: Adoption): void => {
        process.send?.(adoption);
        resolve();
      };
      new FleetRouter(login, all, later, onAdopted);
    });
  for (let at = 0; at < crew.logins.length; at += atOnce)
    await Promise.all(crew.logins.slice(at, at + atOnce).map(ready));
}

process.once('message', (crew: Crew) => void start(crew));
process.once('disconnect', () => process.exit());
