/**
 * A lab guest without the emulator: the files that a guest gets, over this machine's programs, in namespaces of its own.
 * In: extra files. Out: a root shell inside, after /lab/boot ran there; a path to the guest's ubus socket. Needs root or
 * user namespaces, overlayfs, ip and nft. It shares this machine's kernel: no evidence of anything but the stand-ins.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { feedFiles, type PackageFiles } from '../../../bundle/content.ts';
import { standinFiles } from '../../../qemu-test/standin/files.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
}
export interface GuestRoot {
  /** What /lab/boot printed. */
  readonly boot: Ran;
  /** From outside: a client here is to the guest what an external process is. */
  readonly socketPath: string;
  /** The guest's `/`, from outside. */
  readonly root: string;
  /** Runs a shell script in the guest; both outputs together. */
  run(script: string): Promise<Ran>;
  close(): Promise<void>;
}

const layers = ['etc', 'usr'];
const mark = '@@guest-root@@';

/** Merges the files over /etc and /usr, makes the rest anew, and becomes the guest's shell. */
const enterScript = `
set -e
root=$1 node=$2
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p proc dev sys tmp run var lab root layers
cp -a "$3/lab/." lab/
for layer in ${layers.join(' ')}; do
    mkdir -p "$layer" "layers/$layer.up" "layers/$layer.work"
    mount -t overlay -o "lowerdir=$3/$layer:/$layer,upperdir=layers/$layer.up,workdir=layers/$layer.work" guest "$layer"
done
for link in bin sbin lib lib64; do ln -s "usr/$link" "$link"; done
ln -s /run var/run
ln -s /tmp/log var/log
mkdir tmp/log
touch usr/bin/node
mount --bind "$node" usr/bin/node
mount -t proc proc proc
mount --rbind /dev dev
ip link set lo up
rm -f etc/init.d/* etc/rc.d/*
cp "$3"/etc/init.d/* etc/init.d/
# The guest's shell is busybox: it is the shell here too where this machine has one that runs programs, not applets.
case "$(usr/bin/busybox sh -c 'command -v ip' 2>/dev/null)" in /*) ln -sf busybox usr/bin/sh ;; esac
exec chroot . /bin/sh
`;

async function writeFiles(
  folder: string,
  installed: PackageFiles,
  extra: Readonly<Record<string, string>>,
): Promise<void> {
  const given = Object.entries(extra).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o755 }] as const);
  const files = Object.entries({ ...(await standinFiles()), ...installed, ...Object.fromEntries(given) });
  for (const [path, { data, mode }] of files) {
    // On a machine with a merged /usr the three folders are links into it.
    const inside = path.replace(/^\/(bin|sbin|lib)\//, '/usr/$1/');
    const target = join(folder, inside);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, data);
    chmodSync(target, mode);
  }
}

/** A shell that takes scripts on its input and says where the output of each ends. */
function shell(child: ChildProcess): (script: string) => Promise<Ran> {
  let text = '';
  let wake = (): void => undefined;
  const hear = (chunk: Buffer): void => {
    text += chunk.toString();
    wake();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.on('close', () => {
    text += `\n${mark} -1\n`;
    wake();
  });
  return async (script) => {
    text = '';
    child.stdin?.write(`(\n${script}\n) </dev/null 2>&1\nprintf '\\n${mark} %s\\n' $?\n`);
    for (;;) {
      const ended = new RegExp(`\\n${mark} (-?\\d+)\\n`).exec(text);
      if (ended !== null) return { status: Number(ended[1]), out: text.slice(0, ended.index) };
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}

/** `installed` are the package's files if not said: all but the program. */
export async function openGuestRoot(
  extra: Readonly<Record<string, string>> = {},
  installed?: PackageFiles,
): Promise<GuestRoot> {
  const folder = mkdtempSync(join(tmpdir(), 'guest-root-'));
  const files = join(folder, 'files');
  await writeFiles(files, installed ?? (await feedFiles()), extra);
  const root = join(folder, 'root');
  mkdirSync(root);
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const argv = [...user, '--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', enterScript, 'sh'];
  const path = `/usr/sbin:/usr/bin:/sbin:/bin:${process.env['PATH'] ?? ''}`;
  const child = spawn('unshare', [...argv, root, process.execPath, files], {
    env: { PATH: path, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const run = shell(child);
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
    rmSync(folder, { recursive: true, force: true });
  };
  const boot = await run('cd / && sh /lab/boot');
  if (boot.status === -1) throw new Error(`guest root: wanted a shell in namespaces, got: ${boot.out}`);
  // The shell is the one child of unshare; its root is the guest's.
  const shellId = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  const inside = `/proc/${shellId}/root`;
  return { boot, socketPath: `${inside}/run/ubus/ubus.sock`, root: inside, run, close };
}
