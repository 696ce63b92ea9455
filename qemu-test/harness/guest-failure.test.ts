// Guests that cannot start say why and leave nothing behind; guests that nobody stops end with the test process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildLabImage, type LabImage } from '../image/build.ts';
import { startGuest } from './guest.ts';

const folder = mkdtempSync(join(tmpdir(), 'lab-'));
let image: LabImage;

beforeAll(async () => {
  image = await buildLabImage();
});

/** The QEMUs whose arguments name a folder; one that was killed has no arguments any more. */
function machinesIn(where: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const [program = '', ...words] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      return program.includes('qemu-system') && words.some((word) => word.includes(`${where}/`));
    } catch {
      return false;
    }
  });
}

describe('a guest that does not start', () => {
  it('shows why its boot failed, where the log is, and leaves no machine behind', async () => {
    const own = join(folder, 'broken');
    const files = { '/lab/boot': { data: 'echo "no such cable"; exit 7', mode: 0o755 } };
    await expect(startGuest({ name: 'broken', memoryMiB: 192, image, folder: own, nics: [], files })).rejects.toThrow(
      /broken: wanted a boot with status 0, got 7\n[^]*broken\.serial\.log:\n[^]*no such cable/,
    );
    expect(machinesIn(own)).toEqual([]);
  });

  it('shows what QEMU says when it cannot start at all', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port: hostPort } = taken.address() as AddressInfo;
    const nics = [{ user: { hostForwards: [{ hostPort, guestPort: 80 }] } }];
    const start = startGuest({ name: 'taken', memoryMiB: 192, image, folder, nics, files: {} });
    await expect(start).rejects.toThrow(
      /taken: wanted a boot with status 0, got QEMU ended with status 1: .*forwarding/,
    );
    taken.close();
  });

  it('names the hub port that is not there: QEMU would start with a card that leads nowhere', async () => {
    const nics = [{ hub: join(folder, 'none.port') }];
    const start = startGuest({ name: 'lonely', memoryMiB: 192, image, folder, nics, files: {} });
    await expect(start).rejects.toThrow(`lonely: wanted a hub port at ${folder}/none.port, got none`);
  });

  it('refuses a name that cannot be a host name', async () => {
    const start = startGuest({ name: '../up', memoryMiB: 192, image, folder, nics: [], files: {} });
    await expect(start).rejects.toThrow(/guest: wanted a name like .*, got \.\.\/up/);
  });
});

describe('a guest that nobody stops', () => {
  it.each(['SIGINT', 'SIGKILL'] as const)('dies with the process that started it, on %s', async (signal) => {
    const own = join(folder, signal);
    const options = JSON.stringify({ name: 'orphan', memoryMiB: 192, image, folder: own, nics: [], files: {} });
    const script = `import { startGuest } from ${JSON.stringify(join(import.meta.dirname, 'guest.ts'))};
      await startGuest(${options});`;
    const argv = ['--import', 'tsx', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, argv, { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'inherit'] });
    await expect.poll(() => machinesIn(own).length, { timeout: 20_000 }).toBe(1);
    child.kill(signal);
    await expect.poll(() => machinesIn(own).length, { timeout: 5000 }).toBe(0);
  });
});
