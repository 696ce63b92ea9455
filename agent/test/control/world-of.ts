/** The ports of a world whose kernel is a table of what it shows. */
import type { World } from '../../src/control/ports.ts';
import { nothingAround, type Observed } from '../../src/plan/observed.ts';

/** A kernel that shows the same whatever is done; `nft` is what becomes of a script. */
export function worldOf(shown: Observed, nft: (script: string) => void, done: string[] = []): World {
  return {
    firewall: {
      table: () => Promise.resolve(shown.guard),
      run: async (script) => nft(script),
      canOffload: () => Promise.resolve(shown.canOffload),
    },
    wireGuard: {
      device: () => Promise.resolve(shown.device),
      create: () => Promise.resolve(),
      remove: () => Promise.resolve(void done.push('remove link')),
      configure: () => Promise.resolve(),
      setPeers: () => Promise.resolve(void done.push('set peers')),
      greetPeers: () => Promise.resolve(void done.push('greet peers')),
      removePeers: (_, keys) => Promise.resolve(void done.push(`remove ${keys.join()}`)),
    },
    network: {
      link: () => Promise.resolve(shown.link),
      address: () => Promise.resolve(),
      down: () => Promise.resolve(),
    },
    routing: { look: () => Promise.resolve(shown.routing), run: () => Promise.resolve() },
    bootGuard: { look: () => shown.bootFiles, write: () => undefined, writes: () => 0 },
    resolver: { resolve: () => Promise.resolve(new Map()), problems: () => new Map() },
    surroundings: { look: () => Promise.resolve({ ...nothingAround, uplinkClocks: [] }) },
    lifelines: {
      look: () => Promise.resolve({ lifelines: [], lifelineHosts: [], resolved: new Map() }),
      problems: () => [],
    },
    names: { look: () => Promise.resolve(undefined), set: () => Promise.resolve() },
  };
}
