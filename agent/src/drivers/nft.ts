/** nft(8), as a program. In: scripts. Out: a table as the kernel has it. */
import { Fault, type Firewall } from '../control/ports.ts';
import { parseNftTable } from '../wire/nft-json.ts';
import { run } from './run.ts';

export function connectFirewall(): Firewall {
  return {
    table: async (name) => {
      try {
        return parseNftTable(await run('nft', ['-j', 'list', 'table', ...name.split(' ')]));
      } catch (error) {
        if (error instanceof Fault && error.message.includes('No such file or directory')) return undefined;
        throw error;
      }
    },
    run: async (script) => {
      await run('nft', ['-f', '-'], script);
    },
  };
}
