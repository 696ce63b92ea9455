/** nft(8), as a program. In: scripts. Out: a table as the kernel has it. */
import { Fault, type Firewall } from '../control/ports.ts';
import { parseNftTable } from '../wire/nft-json.ts';
import { run, tryRun } from './run.ts';

/** Loads the kernel's modules where there are any, and is gone again when its one transaction has ended. */
const trial = `add table inet rustynet_trial
add flowtable inet rustynet_trial kept { hook ingress priority 0; devices = { lo }; }
add chain inet rustynet_trial forward { type filter hook forward priority 0; }
add rule inet rustynet_trial forward flow add @kept
delete table inet rustynet_trial
`;

export function connectFirewall(): Firewall {
  let canOffload = false;
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
    // A kernel that has none may be given some later; one that has them keeps them.
    canOffload: async () => {
      if (canOffload) return true;
      const { status, said } = await tryRun('nft', ['-f', '-'], trial);
      canOffload = status === 'status 0';
      // Only the kernel's own word that it has none is a no: taken for one, a failure would leave flows out of sight.
      if (canOffload || /No such file or directory|not supported/.test(said)) return canOffload;
      throw new Fault('PROGRAM_FAILED', 'nft', `nft: wanted to know of flowtables, got ${status}: ${said}`);
    },
  };
}
