/**
 * UCI, through rpcd's `uci` object (vectors/openwrt-25.12-rpcd-uci.md). In and out: strings and lists of them. A commit
 * there makes procd run the reload triggers of the package about a second later.
 *
 * While rpcd has settings on trial (LuCI's Save & Apply, until they are confirmed), it refuses commit and revert alike to
 * everybody (rpc_uci_revert_commit), and takes changes, which `get` shows from then on as if they were settings.
 */
import { statfsSync } from 'node:fs';
import {
  Fault,
  type Configuration,
  type JsonObject,
  type SectionChange,
  type Settings,
  type Ubus,
} from '../control/ports.ts';

const config = 'rustynet';
const section = 'main';
/** More than any file of settings is long. */
const roomKb = 64;

function freeKb(): number {
  const { bavail, bsize } = statfsSync('/etc');
  return (bavail * bsize) / 1024;
}

class Files {
  readonly #ubus: Ubus;
  readonly #free: () => number;
  /** Those where changes of ours could neither be committed nor taken back. */
  readonly #left = new Set<string>();

  constructor(ubus: Ubus, free: () => number) {
    this.#ubus = ubus;
    this.#free = free;
  }

  async get(file: string, args: JsonObject = {}): Promise<JsonObject> {
    if (this.#left.has(file)) await this.#revert(file);
    return this.#ubus.call('uci', 'get', { config: file, ...args });
  }

  async #revert(file: string): Promise<void> {
    await this.#ubus.call('uci', 'revert', { config: file });
    this.#left.delete(file);
  }

  #requireRoom(file: string): void {
    const got = this.#free();
    if (got >= roomKb) return;
    throw new Fault('ROOM', file, `/etc/config/${file}: wanted ${roomKb} KB of free flash, got ${got}`);
  }

  /** Uncommitted changes of a person at the command line lie in the same place as ours would. */
  async #requireNoOthers(file: string): Promise<void> {
    const { changes: others } = await this.#ubus.call('uci', 'changes', { config: file });
    if (!Array.isArray(others) || others.length === 0) return;
    const message = `/etc/config/${file}: wanted no uncommitted changes, got ${others.length}; "uci commit ${file}" or "uci revert ${file}"`;
    throw new Fault('PENDING', file, message);
  }

  /**
   * All of it, or nothing is left uncommitted. libuci does not look whether its writes came through (uci_file_commit): on
   * a full flash a commit leaves an empty file, and a router without its LAN. Throws Fault `ROOM`, `PENDING`, `BUSY`.
   */
  async change(file: string, work: () => Promise<void>): Promise<void> {
    this.#requireRoom(file);
    if (!this.#left.has(file)) await this.#requireNoOthers(file);
    try {
      // Of nothing, or of what was left: only asks whether a commit would be refused.
      await this.#revert(file);
      this.#left.add(file);
      await work();
      // Again, since the work takes a second on a slow router, and something else may fill the flash in it.
      this.#requireRoom(file);
      await this.#ubus.call('uci', 'commit', { config: file });
      this.#left.delete(file);
    } catch (error) {
      if (this.#left.has(file)) await this.#revert(file).catch(() => undefined);
      if (!(error instanceof Fault) || error.code !== 'UBUS_PERMISSION_DENIED') throw error;
      const message = `/etc/config/${file}: wanted no settings on trial, got some that were applied and not yet confirmed; try again when they are`;
      throw new Fault('BUSY', file, message, error);
    }
  }
}

export function connectSettings(ubus: Ubus, free = freeKb): Settings {
  const files = new Files(ubus, free);
  return {
    read: async () => {
      const { values } = await files.get(config, { section });
      if (typeof values !== 'object' || values === null || Array.isArray(values)) {
        // rpcd answers OK with nothing for a section that is not there.
        throw new Fault(
          'SETTINGS',
          `${config}.${section}`,
          `/etc/config/${config}: wanted a section '${section}', got none`,
        );
      }
      return values as JsonObject;
    },
    write: async (options) => {
      const entries = Object.entries(options);
      const set = entries.filter((entry): entry is [string, string | readonly string[]] => entry[1] !== undefined);
      const gone = entries.filter(([, value]) => value === undefined).map(([option]) => option);
      await files.change(config, async () => {
        if (set.length > 0) await ubus.call('uci', 'set', { config, section, values: Object.fromEntries(set) });
        if (gone.length > 0) await ubus.call('uci', 'delete', { config, section, options: gone });
      });
    },
  };
}

async function changeSection(ubus: Ubus, file: string, change: SectionChange): Promise<void> {
  const at = { config: file, section: change.section };
  switch (change.do) {
    case 'add':
      await ubus.call('uci', 'add', { config: file, type: change.type, name: change.section, values: change.options });
      return;
    case 'set':
      await ubus.call('uci', 'set', { ...at, values: change.options });
      return;
    case 'unset':
      await ubus.call('uci', 'delete', { ...at, options: change.options });
      return;
    case 'remove':
      await ubus.call('uci', 'delete', at);
  }
}

export function connectConfiguration(ubus: Ubus, free = freeKb): Configuration {
  const files = new Files(ubus, free);
  return {
    sections: async (file) => {
      const answer = await files.get(file).catch((error: unknown): JsonObject => {
        if (error instanceof Fault && error.code === 'UBUS_NOT_FOUND') return {};
        throw error;
      });
      return (answer['values'] ?? {}) as Readonly<Record<string, JsonObject>>;
    },
    change: (file, changes) =>
      files.change(file, async () => {
        for (const change of changes) await changeSection(ubus, file, change);
      }),
  };
}
