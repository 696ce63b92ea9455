// In: a name, cards, files. Out: an emulated machine that runs commands, and can lose its power and be started again
// on the same disk. It runs /lab/boot (if among its files) at each start, before any command. A paused guest can be saved
// to a folder, and loaded from there as often as wanted: it goes on where it was, and boots as ever when started again.
// Counterpart inside the guest: image/init, image/rc, image/agent.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordCommand } from '../evidence/recorder.ts';
import { packCpio, type CpioEntry } from '../image/cpio.ts';
import type { LabImage } from '../image/build.ts';
import { Lanes, type Reply } from './lane.ts';
import { LANES, machineArguments, quotedForShell as quoted, startMachine } from './machine.ts';
import type { Machine, MachineParts, Nic } from './machine.ts';
import { Monitor } from './monitor.ts';

export interface GuestOptions {
  readonly name: string;
  /** 192 is enough without Node, 384 with it. */
  readonly memoryMiB: number;
  readonly image: LabImage;
  /** Where the disk, the sockets and the serial log are; an earlier guest's disk of this name is overwritten. */
  readonly folder: string;
  readonly nics: readonly Nic[];
  /** By absolute path. Written at the first start only: what a test changed survives a reboot. */
  readonly files: Readonly<Record<string, { readonly data: string | Uint8Array; readonly mode: number }>>;
}

export interface ExecOptions {
  /** 60 s if not said; counted in whole seconds. */
  readonly timeoutMs?: number;
  readonly input?: string | Uint8Array;
  /** `false` for what is asked each second, and is a sample by itself. */
  readonly isRecorded?: boolean;
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command was killed in the guest, with all it started. */
export class CommandTimeout extends Error {
  override readonly name = 'CommandTimeout';
  readonly stdout: string;
  readonly stderr: string;
  constructor(message: string, stdout: string, stderr: string) {
    super(message);
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

const BOOT_TIMEOUT_MS = 180_000;
const SHUTDOWN_TIMEOUT_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 60_000;
const SERIAL_TAIL_CHARACTERS = 4000;
/** Without a limit of our own QEMU has one of 128 MiB/s. */
const MAX_SAVE_BYTES_PER_S = 2 ** 34;
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Starts a guest on an empty disk; resolves when /lab/boot has ended well. */
export async function startGuest(options: GuestOptions): Promise<Guest> {
  const { image, files } = options;
  const guest = new Guest(options, ({ initrd, disk }) => {
    writeFileSync(initrd, initrdWith(image, files));
    copySparse(image.emptyDisk, disk);
  });
  await guest.powerCut();
  return guest;
}

/** Loads a guest that `save` wrote to a folder; it is paused until `resume`. */
export async function loadGuest(options: Omit<GuestOptions, 'files'>, savedIn: string): Promise<Guest> {
  const saved = savedFiles(savedIn, options.name);
  const guest = new Guest(options, ({ initrd, disk }) => {
    copyFileSync(saved.initrd, initrd);
    copySparse(saved.disk, disk);
  });
  await guest.load(saved.memory);
  return guest;
}

function savedFiles(folder: string, name: string): { initrd: string; disk: string; memory: string } {
  const at = (ending: string): string => join(folder, `${name}.${ending}`);
  return { initrd: at('initrd'), disk: at('ext4'), memory: at('memory') };
}

function copySparse(from: string, to: string): void {
  execFileSync('cp', ['--sparse=always', '--reflink=auto', from, to]);
}

/** The image's initrd with a guest's files behind it, and a stamp by which init knows that it has written them. */
function initrdWith(image: LabImage, files: GuestOptions['files']): Buffer {
  const entries = Object.entries(files).map(([path, { data, mode }]): CpioEntry => {
    if (!path.startsWith('/')) throw new Error(`guest file: wanted an absolute path, got ${path}`);
    return { kind: 'file', path: `lab-files${path}`, data: Buffer.from(data), mode };
  });
  if (entries.length === 0) return readFileSync(image.initrd);
  const stamp = createHash('sha256').update(packCpio(entries)).digest('hex');
  entries.push({ kind: 'file', path: 'lab-files.stamp', data: Buffer.from(`${stamp}\n`), mode: 0o644 });
  return Buffer.concat([readFileSync(image.initrd), packCpio(entries)]);
}

export class Guest {
  readonly name: string;
  readonly serialLog: string;
  readonly #parts: MachineParts;
  readonly #lanes: Lanes;
  readonly #monitor: Monitor;
  #machine: Machine | undefined;
  #ended = 'not started';

  constructor(
    { name, memoryMiB, image, folder, nics }: Omit<GuestOptions, 'files'>,
    fill: (files: Pick<MachineParts, 'initrd' | 'disk'>) => void,
  ) {
    if (!NAME.test(name)) throw new Error(`guest: wanted a name like ${NAME.source}, got ${name}`);
    for (const nic of nics) {
      // QEMU itself starts without a word, with a card that leads nowhere.
      if ('hub' in nic && !existsSync(nic.hub)) throw new Error(`${name}: wanted a hub port at ${nic.hub}, got none`);
    }
    this.name = name;
    mkdirSync(folder, { recursive: true });
    this.serialLog = join(folder, `${name}.serial.log`);
    const lanePaths = Array.from({ length: LANES }, (_, index) => join(folder, `${name}.lane${index + 1}`));
    const [initrd, disk] = [join(folder, `${name}.initrd`), join(folder, `${name}.ext4`)];
    const monitorPath = join(folder, `${name}.monitor`);
    this.#parts = { name, memoryMiB, image, nics, initrd, disk, serialLog: this.serialLog, lanePaths, monitorPath };
    fill(this.#parts);
    writeFileSync(this.serialLog, '');
    this.#lanes = new Lanes(lanePaths);
    this.#monitor = new Monitor(monitorPath);
  }

  /** Runs a shell script as root; as many at once as there are lanes, the others wait for their turn. */
  async exec(command: string, options: ExecOptions = {}): Promise<Outcome> {
    const { status, stdout, stderr } = await this.#ask(command, options);
    return { status, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Like exec, but a status other than 0 is an error. Gives the standard output. */
  async run(command: string, options: ExecOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.exec(command, options);
    if (status === 0) return stdout;
    throw new Error(`${this.name}: ${command}: wanted status 0, got ${status}\n${stdout}${stderr}`);
  }

  /** Replaces a file whole, with the folders above it; on the disk for sure only after `sync`. */
  async writeFile(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
    const [target, part] = [quoted(path), quoted(`${path}.part`)];
    const script = `mkdir -p "$(dirname ${target})" && cat >${part} && chmod ${mode.toString(8)} ${part} && mv ${part} ${target}`;
    await this.run(script, { input: data });
  }

  async readFile(path: string): Promise<Buffer> {
    const { status, stdout, stderr } = await this.#ask(`cat ${quoted(path)}`, {});
    if (status !== 0)
      throw new Error(`${this.name}: wanted the file ${path}, got status ${status}: ${stderr.toString()}`);
    return stdout;
  }

  /** An orderly restart, as `reboot` does it; resolves when the guest is up again. */
  async reboot(): Promise<void> {
    const machine = this.#machine;
    if (machine === undefined) throw new Error(this.#complaint('wanted a running guest to reboot, got none'));
    // The reply is lost when init is quick; that the machine ends is what counts.
    await this.exec('reboot').catch(() => undefined);
    const ended = await before(SHUTDOWN_TIMEOUT_MS, machine.ended);
    if (ended === 'late') {
      throw new Error(this.#complaint(`wanted the machine to end within ${SHUTDOWN_TIMEOUT_MS} ms, got none`));
    }
    await this.#start();
  }

  /** The machine is gone between two instructions, and started again on what reached the disk. */
  async powerCut(): Promise<void> {
    await this.#kill();
    await this.#start();
  }

  /** Stops its processors and its time. Guests that talk to each other are paused before any of them is saved. */
  async pause(): Promise<void> {
    await this.#monitor.execute('stop');
  }

  /** Writes a paused guest to a folder, whole: memory and devices, disk, initrd. It can only be stopped afterwards. */
  async save(folder: string): Promise<void> {
    const saved = savedFiles(folder, this.name);
    await this.#monitor.execute('migrate-set-parameters', { 'max-bandwidth': MAX_SAVE_BYTES_PER_S });
    await this.#monitor.execute('migrate', { uri: `exec:cat >${quoted(saved.memory)}` });
    await this.#polls('query-migrate', 'completed', ['setup', 'active', 'device']);
    copySparse(this.#parts.disk, saved.disk);
    copyFileSync(this.#parts.initrd, saved.initrd);
  }

  /** Reads the memory that `save` wrote. */
  async load(memoryFile: string): Promise<void> {
    await this.#start(memoryFile);
    await this.#polls('query-status', 'paused', ['inmigrate']);
  }

  /** Goes on where it was paused, at this machine's time of day. */
  async resume(): Promise<void> {
    await this.#monitor.execute('cont');
    await this.run(`date -s @${Math.floor(Date.now() / 1000)}`);
  }

  /** Ends the guest for good; its serial log stays. */
  async stop(): Promise<void> {
    await this.#kill();
    await Promise.all([this.#lanes.close(), this.#monitor.close()]);
    for (const file of [this.#parts.disk, this.#parts.initrd]) rmSync(file, { force: true });
  }

  async #start(memoryFile?: string): Promise<void> {
    const up = this.#lanes.expect(memoryFile !== undefined);
    const machine = startMachine(machineArguments(this.#parts, memoryFile));
    this.#machine = machine;
    this.#ended = 'running';
    const ended = machine.ended.then((how) => {
      this.#ended = how;
      return `QEMU ended with ${how}`;
    });
    const got = await before(BOOT_TIMEOUT_MS, Promise.race([up, ended]));
    if (got === '0') return;
    const problem = got === 'late' ? `got none within ${BOOT_TIMEOUT_MS} ms` : `got ${got}`;
    const complaint = this.#complaint(`wanted a boot with status 0, ${problem}`);
    await this.stop();
    throw new Error(complaint);
  }

  /** Asks until QEMU says the wanted status; every status but those on the way there is an error. */
  async #polls(command: string, wanted: string, onTheWay: readonly string[]): Promise<void> {
    for (const endMs = Date.now() + BOOT_TIMEOUT_MS; Date.now() < endMs;) {
      const reply = (await this.#monitor.execute(command)) as Record<string, unknown>;
      if (reply['status'] === wanted) return;
      const isOnTheWay = onTheWay.some((status) => status === (reply['status'] ?? onTheWay[0]));
      if (!isOnTheWay) throw new Error(this.#complaint(`${command}: wanted ${wanted}, got ${JSON.stringify(reply)}`));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(this.#complaint(`${command}: wanted ${wanted} within ${BOOT_TIMEOUT_MS} ms, got none`));
  }

  async #kill(): Promise<void> {
    this.#machine?.kill();
    await this.#machine?.ended;
    this.#machine = undefined;
  }

  async #ask(
    command: string,
    { timeoutMs = DEFAULT_TIMEOUT_MS, input = '', isRecorded = true }: ExecOptions,
  ): Promise<Reply & { status: number }> {
    const reply = await this.#lanes.run(command, Buffer.from(input), timeoutMs).catch((cause: unknown) => {
      throw new Error(this.#complaint(`${command}: ${(cause as Error).message}`), { cause });
    });
    const { status, stdout, stderr } = reply;
    if (status !== 'timeout') {
      if (isRecorded) recordCommand(this.name, command, status, stdout);
      return { status, stdout, stderr };
    }
    const message = `${this.name}: ${command}: wanted an end within ${timeoutMs} ms, got none`;
    throw new CommandTimeout(message, stdout.toString(), stderr.toString());
  }

  /** An error message with what a person looks at next. */
  #complaint(problem: string): string {
    const tail = readFileSync(this.serialLog, 'utf8').slice(-SERIAL_TAIL_CHARACTERS);
    return `${this.name}: ${problem}\nQEMU: ${this.#ended}\nthe end of ${this.serialLog}:\n${tail}`;
  }
}

/** A promise's value, or 'late'. */
async function before<T>(ms: number, promise: Promise<T>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late');
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
