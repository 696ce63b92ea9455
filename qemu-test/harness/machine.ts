// In: what a lab guest consists of. Out: QEMU's arguments, and the running process, which cannot outlive this one.
// Emulated without KVM on purpose: where /dev/kvm is there but nested, a guest may hang in its firmware.
// Specified in qemu(1), the kernel's admin-guide/kernel-parameters.txt, setpriv(1).
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { LabImage } from '../image/build.ts';

/** The socket path of a hub's port, or QEMU's own NAT (10.0.2.0/24, the host is 10.0.2.2) with ports of 127.0.0.1. */
export type Nic =
  | { readonly hub: string }
  | { readonly user: { readonly hostForwards: readonly { readonly hostPort: number; readonly guestPort: number }[] } };

/** How many commands run at once in a guest: as many as image/inittab starts agents. */
export const LANES = 4;

export interface MachineParts {
  readonly name: string;
  readonly memoryMiB: number;
  readonly image: LabImage;
  readonly initrd: string;
  readonly disk: string;
  readonly serialLog: string;
  readonly lanePaths: readonly string[];
  readonly monitorPath: string;
  readonly nics: readonly Nic[];
}

/** A locally administered address that follows from the guest's name, so that a restart does not change it. */
export function macOf(name: string, index: number): string {
  const digest = createHash('sha256').update(`${name}/${index}`).digest('hex');
  return ['52', '54', '00', digest.slice(0, 2), digest.slice(2, 4), digest.slice(4, 6)].join(':');
}

/** A comma ends a value in QEMU's arguments; two are one. */
function quote(value: string): string {
  return value.replaceAll(',', ',,');
}

export function quotedForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function netdev(nic: Nic): string {
  if ('hub' in nic) return `stream,server=off,addr.type=unix,addr.path=${quote(nic.hub)}`;
  const forwards = nic.user.hostForwards.map((each) => `,hostfwd=tcp:127.0.0.1:${each.hostPort}-:${each.guestPort}`);
  return `user${forwards.join('')}`;
}

/** As Atoms of routers have it, and without AVX, which costs an emulated processor a fifth of its time for nothing. */
const PROCESSOR = 'Westmere,+rdrand';

/** A machine that goes on from a memory file waits, once it has read it, until its monitor is told to continue. */
export function machineArguments(parts: MachineParts, memoryFile?: string): string[] {
  const { image, name } = parts;
  const disk = (id: string, file: string, more: string): string[] => [
    ...['-drive', `if=none,id=${id},format=raw,file=${quote(file)},${more}`],
    ...['-device', `virtio-blk-pci,drive=${id}`],
  ];
  // A panic ends QEMU at once (-no-reboot), which the harness reports with the end of the serial log.
  // A program that lies where it lay before is translated once: with addresses at random, starting one costs five times.
  const words = 'console=ttyS0 loglevel=5 panic=-1 mitigations=off random.trust_cpu=on no_timer_check norandmaps';
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-accel', 'tcg', '-cpu', PROCESSOR],
    ...['-m', String(parts.memoryMiB), '-name', name],
    ...['-kernel', image.kernel, '-initrd', parts.initrd, '-append', `${words} lab.name=${name}`],
    ...['-chardev', `file,id=serial,append=on,path=${quote(parts.serialLog)}`, '-serial', 'chardev:serial'],
    ...disk('root', image.squashfs, 'readonly=on'),
    // The disk outlives QEMU in the host's page cache; only this machine's own power cut would lose it.
    ...disk('own', parts.disk, 'cache=unsafe'),
    ...[
      '-chardev',
      `socket,id=monitor,server=off,path=${quote(parts.monitorPath)}`,
      '-mon',
      'chardev=monitor,mode=control',
    ],
    ...(memoryFile === undefined ? [] : ['-S', '-incoming', `exec:cat <${quotedForShell(memoryFile)}`]),
    ...['-device', `virtio-serial-pci,max_ports=${LANES + 1}`],
    ...parts.lanePaths.flatMap((path, index) => [
      ...['-chardev', `socket,id=lane${index + 1},server=off,path=${quote(path)}`],
      ...['-device', `virtserialport,chardev=lane${index + 1},nr=${index + 1},name=lab.${index + 1}`],
    ]),
    ...parts.nics.flatMap((nic, index) => [
      ...['-netdev', netdev(nic).replace(/^\w+/, (kind) => `${kind},id=net${index}`)],
      ...['-device', `virtio-net-pci,netdev=net${index},mac=${macOf(name, index)},romfile=`],
    ]),
  ];
}

export interface Machine {
  /** What QEMU ended with, and what it printed. */
  readonly ended: Promise<string>;
  kill(): void;
}

/** Starts QEMU so that the kernel kills it when this process ends, however that happens. */
export function startMachine(argv: readonly string[]): Machine {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-4000);
  });
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => {
      resolve(error.message);
    });
    child.on('close', (status, signal) => {
      resolve(`${signal ?? `status ${String(status)}`}${printed === '' ? '' : `: ${printed.trim()}`}`);
    });
  });
  return { ended, kill: () => child.kill('SIGKILL') };
}
