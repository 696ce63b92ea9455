/**
 * What the command line says where the daemon does not answer. In: why not; UCI, the kernel and the programs of this router.
 * Out: what to do, and for `netcheck` what can be looked at without the daemon.
 */
import type { Fault } from './control/ports.ts';
import { tryRun } from './drivers/run.ts';
import { checkLines } from './text.ts';

/** Each ends well where what it looks for is there. */
const checks = ['ls -d /sys/module/wireguard', 'wg --version', 'nft --version', '/etc/init.d/rustynet enabled'];

/** By a shell: Node waits its whole time limit for a program that is not there. `undefined` where the command fails. */
async function outOf(command: string): Promise<string | undefined> {
  const { status, out } = await tryRun('sh', ['-c', command]);
  return status === 'status 0' ? out.trim() : undefined;
}

async function todo(code: string): Promise<string> {
  if ((await outOf('uci -q get rustynet.main.enabled')) === '0')
    return 'rustynet.main.enabled is 0, which keeps it off';
  if (code === 'UBUS_TIMEOUT') return 'the router may be busy: try again';
  return '"service rustynet start" starts it, "logread -e rustynet" says why it ended';
}

export async function withoutDaemon(command: string, { code, message }: Fault): Promise<string> {
  const said = `rustynet ${command}: the daemon does not answer (${message}); ${await todo(code)}`;
  if (command !== 'netcheck') return said;
  const looks = checks.map(async (text) => ({ text, good: (await outOf(text)) !== undefined }));
  return [said, ...checkLines(await Promise.all(looks))].join('\n');
}
