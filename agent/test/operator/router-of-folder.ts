/** A router with a flash of its own that hears what a folder publishes. In: the folder. Out: what the router believes. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Belief } from '../../src/control/belief.ts';
import { Time } from '../../src/control/time.ts';
import { openFlash } from '../../src/drivers/flash.ts';
import { Folder } from '../../src/operator/folder.ts';
import { publicationOf } from '../../src/operator/publish.ts';
import { firstFloors } from '../../src/trust/floors.ts';
import { decodeInvite } from '../../src/trust/invite.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { dayS, done, emptyFolder, nowUnixS } from './operator.ts';

type Messages = ReadonlyMap<string, Uint8Array>;
export const published = (folder: string, atUnixS = nowUnixS): Messages =>
  publicationOf(new Folder(folder), atUnixS).messages;

export interface Router {
  readonly belief: Belief;
  /** What it hears of messages that are sent in this order, and then retained: only what it wants. */
  readonly hear: (messages: Messages) => void;
  readonly epoch: () => number | string;
}

/** A router with a flash of its own that joined by an invite of this folder. */
export async function joined(folder: string, clockUnixS = (): number => nowUnixS): Promise<Router> {
  const { invite } = await done(folder, ['invite']);
  const told = decodeInvite(invite);
  if (isRefusal(told)) throw new Error(told.detail);
  const flash = join(emptyFolder(), 'flash');
  mkdirSync(flash);
  const store = openFlash(flash);
  store.commit({ floors: firstFloors(told.root, told.issuedUnixS - dayS) }, new Map(), []);
  const belief = new Belief(
    told.network,
    store,
    firstFloors(told.root, told.issuedUnixS - dayS),
    new Time(clockUnixS, () => 0),
  );
  const hear = (messages: Messages): void => {
    const left = new Map(messages);
    for (let heard = true; heard;) {
      heard = false;
      for (const [topic, payload] of left) {
        if (!belief.wantedTopics().includes(topic)) continue;
        left.delete(topic);
        belief.receive({ topic, payload });
        heard = true;
      }
    }
  };
  const epoch = (): number | string => {
    const map = belief.current();
    return typeof map === 'string' ? map : map.epoch;
  };
  return { belief, hear, epoch };
}
