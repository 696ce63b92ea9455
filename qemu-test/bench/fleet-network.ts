// The network of a fleet: an operator's folder, as the operator's tool makes it, with as many members as are asked for, and
// maps of it signed one after another. In: a folder, a count. Out: what routers get, verified as `publish` does before it
// sends.
import { writeMembers } from '../../agent/src/operator/content.ts';
import { Folder } from '../../agent/src/operator/folder.ts';
import { publicationOf } from '../../agent/src/operator/publish.ts';
import { readSettings, type Settings } from '../../agent/src/operator/settings.ts';
import { formatIp, rangeOf } from '../../agent/src/trust/ip.ts';
import { maxMembers } from '../../agent/src/trust/limits.ts';
import type { Member, VerifiedMap } from '../../agent/src/trust/types.ts';
import { operatorInProcess } from '../topology/operator.ts';
import { ghost, newKeys } from './ghosts.ts';

function memberAt(settings: Settings, at: number): Member {
  const { first } = settings.ranges.map((range) => rangeOf(range)).find(({ family }) => family === 4) ?? { first: 0n };
  return ghost(settings, `member-${at}`, formatIp(4, first + BigInt(at) + 1n));
}

export interface Publication {
  readonly map: VerifiedMap;
  /** Topics and bytes in the order in which they are sent, the map last; only what was not there before. */
  readonly messages: readonly (readonly [topic: string, bytes: Uint8Array])[];
}

export class FleetNetwork {
  readonly settings: Settings;
  readonly #folder: Folder;
  readonly #published = new Map<string, Uint8Array>();
  #members: readonly Member[];
  #changes = 0;

  private constructor(folder: Folder, count: number) {
    this.#folder = folder;
    this.settings = readSettings(folder);
    this.#members = Array.from({ length: count }, (_, at) => memberAt(this.settings, at));
  }

  static async make(path: string, count: number): Promise<FleetNetwork> {
    if (count > maxMembers) throw new Error(`fleet: wanted at most ${maxMembers} members, got ${count}`);
    const init = ['init', '--name', 'fleet', '--broker', 'mqtts://127.0.0.1', '--work-factor', '15'];
    await operatorInProcess(path, init);
    return new FleetNetwork(new Folder(path), count);
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** One member gets another WireGuard key. */
  changeOne(): void {
    const changed = this.#changes++ % this.#members.length;
    this.#members = this.#members.map((member, at) =>
      at === changed ? { ...member, wireGuardKey: newKeys().wireGuardKey } : member,
    );
  }

  async sign(): Promise<Publication> {
    writeMembers(this.#folder, this.#members);
    await operatorInProcess(this.#folder.path, ['sign', '--yes']);
    const { map, messages } = publicationOf(this.#folder, Math.floor(Date.now() / 1000));
    const isNew = (topic: string, bytes: Uint8Array): boolean =>
      Buffer.compare(this.#published.get(topic) ?? new Uint8Array(), bytes) !== 0;
    const added = [...messages].filter(([topic, bytes]) => isNew(topic, bytes));
    for (const [topic, bytes] of added) this.#published.set(topic, bytes);
    return { map, messages: added };
  }
}
