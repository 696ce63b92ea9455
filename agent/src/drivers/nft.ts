/** nft(8), as a program. In: scripts. Out: a table as the kernel has it. */
import { createHash } from 'node:crypto';
import { Fault, type Firewall } from '../control/ports.ts';
import { parseNftTable, type NftTable } from '../wire/nft-json.ts';
import { run, tryRun } from './run.ts';

/** Loads the kernel's modules where there are any, and is gone again when its one transaction has ended. */
const trial = `add table inet rustynet_trial
add flowtable inet rustynet_trial kept { hook ingress priority 0; devices = { lo }; }
add chain inet rustynet_trial forward { type filter hook forward priority 0; }
add rule inet rustynet_trial forward flow add @kept
delete table inet rustynet_trial
`;

const leftS = /"expires": (\d+)/g;

/** Of the text of last time but for what a lease has left, the table of last time: thousands of elements are read in once. */
function createReader(): (text: string) => NftTable {
  let [known, last]: [string, NftTable | undefined] = ['', undefined];
  return (text) => {
    const digest = createHash('sha256').update(text.replaceAll(leftS, '"expires"')).digest('hex');
    if (last === undefined || digest !== known) last = parseNftTable(text);
    else {
      const seconds = [...text.matchAll(leftS)].map(([, each]) => Number(each));
      last = { ...last, expiresS: new Map([...last.expiresS.keys()].map((key, at) => [key, seconds[at] ?? 0])) };
    }
    known = digest;
    return last;
  };
}

export function connectFirewall(): Firewall {
  let canOffload = false;
  const readers = new Map<string, (text: string) => NftTable>();
  return {
    table: async (name) => {
      try {
        const read = readers.get(name) ?? createReader();
        readers.set(name, read);
        return read(await run('nft', ['-j', 'list', 'table', ...name.split(' ')]));
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
