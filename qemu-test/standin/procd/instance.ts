/**
 * One supervised process of a service.
 * In: what `procd_close_instance` sent, or a newer version of it. Out: the process run, stopped, run again; what
 * `service list` shows. Specified in procd's instance.c; seen in openwrt-25.12-procd.md (respawn, crash loop, 137 for
 * kill -9). Of the jails, limits and capabilities of procd there are none here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';

export type InstanceEvent = 'instance.start' | 'instance.stop' | 'instance.fail' | 'instance.respawn';
type AnnounceInstance = (event: InstanceEvent) => void;

/** threshold s, timeout s, retry: rc.common's numbers when a script gives none. */
const defaultRespawn = [3600, 5, 5];
const defaultTermTimeoutS = 5;
const signalledOffset = 128;

function strings(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).map(String) : [];
}

function table(value: JsonValue | undefined): Record<string, string> {
  const entries = Object.entries((value ?? {}) as JsonTable).map(([name, item]) => [name, String(item)]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function digest(path: string): string {
  return existsSync(path) ? createHash('md5').update(readFileSync(path)).digest('hex') : '';
}

/** user and group ids of a name in /etc/passwd. */
function idsOf(user: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

export class Instance {
  readonly name: string;
  readonly #service: string;
  readonly #announce: AnnounceInstance;
  #config: JsonTable;
  #fingerprint: string;
  #child: ChildProcess | undefined;
  #startedMs = 0;
  #crashes = 0;
  #gaveUp = false;
  #exitCode = 0;
  #respawnTimer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #afterExit: (() => void) | undefined;

  constructor(service: string, name: string, config: JsonTable, announce: AnnounceInstance) {
    this.#service = service;
    this.name = name;
    this.#config = config;
    this.#announce = announce;
    this.#fingerprint = fingerprint(config);
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  get data(): JsonTable | undefined {
    return this.#config['data'] as JsonTable | undefined;
  }

  start(): void {
    clearTimeout(this.#respawnTimer);
    const [program, ...argv] = strings(this.#config['command']);
    if (this.running || program === undefined) return;
    const user = this.#config['user'];
    const ids = typeof user === 'string' ? idsOf(user) : undefined;
    this.#startedMs = Date.now();
    const child = spawn(program, argv, {
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...table(this.#config['env']) },
      stdio: [
        'ignore',
        this.#config['stdout'] === true ? 'pipe' : 'ignore',
        this.#config['stderr'] === true ? 'pipe' : 'ignore',
      ],
      ...ids,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#log(text));
    }
    child.on('error', (error) => {
      this.#log(error.message);
      if (child.pid === undefined) this.#ended(127);
    });
    child.on('exit', (status, signal) => {
      this.#ended(status ?? signalledOffset + (signal === null ? 0 : constants.signals[signal]));
    });
    if (child.pid === undefined) return;
    const nice = Number(this.#config['nice'] ?? 0);
    if (nice !== 0) setPriority(child.pid, nice);
    const pidFile = this.#config['pidfile'];
    if (typeof pidFile === 'string') writeFileSync(pidFile, `${child.pid}\n`);
    this.#announce('instance.start');
  }

  /** Ends the process for good; resolves when it is gone. */
  async stop(): Promise<void> {
    clearTimeout(this.#respawnTimer);
    await this.#end();
  }

  /** Takes a newer configuration; the process is run again if anything that procd compares changed. */
  update(config: JsonTable): void {
    const changed = fingerprint(config) !== this.#fingerprint;
    this.#config = config;
    this.#fingerprint = fingerprint(config);
    if (!changed && this.running) return;
    if (!changed && this.#respawnTimer !== undefined && !this.#gaveUp) return;
    this.#gaveUp = false;
    this.#crashes = 0;
    void this.#end().then(() => this.start());
  }

  signal(number: number): boolean {
    return this.#child?.kill(number) ?? false;
  }

  setData(data: JsonTable): void {
    this.#config = { ...this.#config, data };
  }

  /** Keys in procd's order. */
  shown(): JsonTable {
    const config = this.#config;
    const [threshold, timeout, retry] = this.#respawn() ?? [];
    const present = (name: string): JsonTable => (config[name] === undefined ? {} : { [name]: config[name] ?? null });
    return {
      running: this.running,
      ...(this.#child?.pid === undefined ? {} : { pid: this.#child.pid }),
      command: strings(config['command']),
      term_timeout: this.#termTimeoutS(),
      ...(this.running ? {} : { exit_code: this.#exitCode }),
      ...present('env'),
      ...present('data'),
      ...present('limits'),
      ...present('reload_signal'),
      ...(threshold === undefined || this.#gaveUp
        ? {}
        : { respawn: { threshold, timeout: timeout ?? 0, retry: retry ?? 0 } }),
      ...present('no_new_privs'),
      ...present('pidfile'),
      ...present('user'),
      ...present('group'),
    };
  }

  #termTimeoutS(): number {
    return Number(this.#config['term_timeout'] ?? defaultTermTimeoutS);
  }

  #respawn(): number[] | undefined {
    if (this.#config['respawn'] === undefined) return undefined;
    const given = strings(this.#config['respawn']).map(Number);
    return defaultRespawn.map((otherwise, index) => given[index] ?? otherwise);
  }

  #log(text: string): void {
    for (const line of text.split('\n').filter((part) => part !== '')) {
      console.log(`${this.#service}[${this.#child?.pid ?? 0}]: ${line}`);
    }
  }

  #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#afterExit = resolve;
      child.kill('SIGTERM');
      this.#killTimer = setTimeout(() => child.kill('SIGKILL'), this.#termTimeoutS() * 1000);
    });
  }

  #ended(code: number): void {
    if (!this.running) return;
    clearTimeout(this.#killTimer);
    this.#exitCode = code;
    this.#child = undefined;
    const pidFile = this.#config['pidfile'];
    if (typeof pidFile === 'string') rmSync(pidFile, { force: true });
    this.#announce('instance.stop');
    const wanted = this.#afterExit;
    this.#afterExit = undefined;
    if (wanted === undefined) this.#respawnLater();
    else wanted();
  }

  #respawnLater(): void {
    const [threshold = 0, timeout = 0, retry = 0] = this.#respawn() ?? [];
    if (this.#respawn() === undefined || this.#gaveUp) return;
    const ranS = Math.floor((Date.now() - this.#startedMs) / 1000);
    this.#crashes = ranS < threshold ? this.#crashes + 1 : 0;
    if (this.#crashes > retry && retry > 0) {
      this.#gaveUp = true;
      const where = `Instance ${this.#service}::${this.name}`;
      console.log(`procd: ${where} s in a crash loop ${this.#crashes} crashes, ${ranS} seconds since last crash`);
      this.#announce('instance.fail');
      return;
    }
    this.#announce('instance.respawn');
    this.#respawnTimer = setTimeout(() => this.start(), timeout * 1000);
  }
}

/** What procd compares: everything but `data` and triggers; files by their content. */
function fingerprint(config: JsonTable): string {
  const compared = Object.entries(config).filter(([name]) => !['data', 'watch', 'triggers'].includes(name));
  const files = strings(config['file']).map((path) => [path, digest(path)]);
  return JSON.stringify([compared.sort(([a], [b]) => (a < b ? -1 : 1)), files]);
}
