/**
 * UCI, through rpcd's `uci` object (vectors/openwrt-25.12-rpcd-uci.md). In and out: strings and lists of them. A commit
 * there makes procd run the reload triggers of the package about a second later.
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

/**
 * All of it, or nothing is left uncommitted. libuci does not look whether its writes came through (uci_file_commit): on a
 * full flash a commit leaves an empty file, and a router without its LAN. Throws Fault `ROOM`.
 */
async function committed(ubus: Ubus, file: string, free: () => number, work: () => Promise<void>): Promise<void> {
  const requireRoom = (): void => {
    const got = free();
    if (got >= roomKb) return;
    throw new Fault('ROOM', file, `/etc/config/${file}: wanted ${roomKb} KB of free flash, got ${got}`);
  };
  requireRoom();
  try {
    await work();
    // Again, since the work takes a second on a slow router, and something else may fill the flash in it.
    requireRoom();
    await ubus.call('uci', 'commit', { config: file });
  } catch (error) {
    await ubus.call('uci', 'revert', { config: file }).catch(() => undefined);
    throw error;
  }
}

export function connectSettings(ubus: Ubus, free = freeKb): Settings {
  return {
    read: async () => {
      const { values } = await ubus.call('uci', 'get', { config, section });
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
      await committed(ubus, config, free, async () => {
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
  return {
    sections: async (file) => {
      const answer = await ubus.call('uci', 'get', { config: file }).catch((error: unknown): JsonObject => {
        if (error instanceof Fault && error.code === 'UBUS_NOT_FOUND') return {};
        throw error;
      });
      return (answer['values'] ?? {}) as Readonly<Record<string, JsonObject>>;
    },
    change: async (file, changes) => {
      // Uncommitted changes of a person at the command line lie in the same place as ours would.
      const { changes: others } = await ubus.call('uci', 'changes', { config: file });
      if (Array.isArray(others) && others.length > 0) {
        const message = `/etc/config/${file}: wanted no uncommitted changes, got ${others.length}; "uci commit ${file}" or "uci revert ${file}"`;
        throw new Fault('PENDING', file, message);
      }
      await committed(ubus, file, free, async () => {
        for (const change of changes) await changeSection(ubus, file, change);
      });
    },
  };
}
