// One look at one router, as a soak takes it and a gate reads it. In: a router, an operator's folder; or the bytes of many looks, a line each. Out:
// the look, or all of them; what is not exactly this form is refused.
import { Folder } from '../../agent/src/operator/folder.ts';
import { readSettings } from '../../agent/src/operator/settings.ts';
import { readRoots, readSignedMap } from '../../agent/src/operator/signed.ts';
import { readJson } from '../../agent/src/trust/json.ts';
import { refuse } from '../../agent/src/trust/refuse.ts';
import { integer, list, record, text } from '../../agent/src/trust/shape.ts';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import type { Router } from '../topology/router.ts';

const count = integer(0, Number.MAX_SAFE_INTEGER);
const word = text('at most 64 characters', (value) => (value.length <= 64 ? value : undefined));
const keys = list(word, 0, 1000);
const maxLineBytes = 64 * 1024;

const look = record({
  router: word,
  atUnixMs: count,
  state: word,
  epoch: count,
  rootVersion: count,
  timeUnixS: count,
  /** Of the daemon; 0 while it does not run. */
  privateKb: count,
  /** Public keys in the kernel. */
  peers: keys,
  /** What the operator had signed last, when this was asked for. */
  newestEpoch: count,
  members: keys,
  /** Frames of r1's tunnels on the WAN since the look before. */
  sealed: count,
});
export type Look = ReturnType<typeof look>;

export const encodeLooks = (looks: readonly Look[]): Uint8Array =>
  Buffer.from(looks.map((each) => `${JSON.stringify(each)}\n`).join(''));

export function readLooks(bytes: Uint8Array): readonly Look[] {
  const lines = Buffer.from(bytes).toString().split('\n');
  const rest = lines.pop() ?? '';
  if (rest !== '') refuse('malformed', `wanted a line end behind line ${lines.length + 1}, got none`);
  return lines.map((line, at) => look(readJson(Buffer.from(line), maxLineBytes), `line ${at + 1}`));
}

const asked = `ubus call rustynet status && echo == && { wg show rn0 peers 2>/dev/null; echo ==; cat /proc/$(cat /var/run/rustynet.pid)/smaps_rollup; }`;

type Asked = Omit<Look, 'newestEpoch' | 'members' | 'sealed'>;

/** What only the router knows; `undefined` while the daemon does not answer: it was killed, or the router boots. */
export async function ask({ guest, name }: Router, atUnixMs: number): Promise<Asked | undefined> {
  const reply = await guest.exec(asked, { timeoutMs: 30_000, isRecorded: false }).catch(() => undefined);
  const [said = '', peers, memory = ''] = reply?.stdout.split('==\n') ?? [];
  if (peers === undefined) return undefined;
  const status = JSON.parse(said) as JsonObject;
  const floors = status['floors'] as { root_version?: number; epoch?: number; time?: number } | null;
  const kb = [...memory.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].map(([, value]) => Number(value));
  return {
    ...{ router: name, atUnixMs, state: String(status['state']) },
    ...{ epoch: floors?.epoch ?? 0, rootVersion: floors?.root_version ?? 0, timeUnixS: floors?.time ?? 0 },
    privateKb: kb.reduce((sum, value) => sum + value, 0),
    peers: peers.split('\n').filter((line) => line !== ''),
  };
}

/** The newest map that is signed: its members may differ from those that the folder has by now. */
export function signedIn(path: string): Pick<Look, 'newestEpoch' | 'members'> {
  const folder = new Folder(path);
  const signed = readSignedMap(folder, readRoots(folder, readSettings(folder)));
  if (signed === undefined) throw new Error(`${path}: wanted a signed map, got none`);
  const { epoch, members } = signed.map;
  return { newestEpoch: epoch, members: members.map(({ wireGuardKey }) => wireGuardKey) };
}
