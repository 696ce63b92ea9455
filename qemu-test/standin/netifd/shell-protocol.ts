/**
 * A protocol whose handler is a shell script.
 * In: setup, teardown and renew of an interface, and the handler's (or anybody's) `notify_proto`. Out: the script run,
 * and the interface told what came of it. Specified in netifd's proto-shell.c; replies as in netifd-proto-handler.md:
 * a route that does not parse is passed over and the status is still 0.
 */
import type { ChildProcess } from 'node:child_process';
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';
import { addressOf, routeOf } from './address.ts';
import { type Handler, handlerConfig, handlerEnvironment, startProcess } from './handlers.ts';
import type { NetInterface, Protocol, Update } from './interface.ts';

type Outcome = Awaited<ReturnType<NonNullable<Protocol['notify']>>>;
type Phase = 'idle' | 'setup' | 'abort' | 'teardown';

/** Makes a host reachable without the interface that is coming up; what it returns takes that back. */
export type HostRoutes = (host: string, through?: string) => Promise<() => Promise<void>>;

const abortMs = 1_000;
const teardownMs = 5_000;

function list(message: JsonTable, name: string): readonly JsonValue[] {
  const value = message[name];
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

function updateOf(message: JsonTable): Update {
  const addresses = [...list(message, 'ipaddr'), ...list(message, 'ip6addr')].map(addressOf);
  const routes = [
    ...list(message, 'routes').map((route) => routeOf(route as JsonTable, 4)),
    ...list(message, 'routes6').map((route) => routeOf(route as JsonTable, 6)),
  ];
  return {
    addresses: addresses.filter((address) => address !== undefined),
    routes: routes.filter((route) => route !== undefined),
    dns: list(message, 'dns').map(String),
    dnsSearch: list(message, 'dns_search').map(String),
    ...(message['data'] === undefined ? {} : { data: message['data'] as JsonTable }),
  };
}

export class ShellProtocol implements Protocol {
  readonly options: readonly string[];
  readonly noDevice: boolean;
  readonly #subject: NetInterface;
  readonly #handler: Handler;
  readonly #hostRoutes: HostRoutes;
  #phase: Phase = 'idle';
  #script: ChildProcess | undefined;
  #task: ChildProcess | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #renewPending = false;
  #lastError: number | undefined;
  #undoHosts: (() => Promise<void>)[] = [];

  constructor(subject: NetInterface, handler: Handler, hostRoutes: HostRoutes) {
    this.#subject = subject;
    this.#handler = handler;
    this.#hostRoutes = hostRoutes;
    this.options = [...handler.options.keys()];
    this.noDevice = handler.noDevice;
  }

  async setup(): Promise<void> {
    if (this.#phase !== 'idle') return;
    this.#lastError = undefined;
    await this.#forgetHosts();
    this.#phase = 'setup';
    this.#runScript('setup');
  }

  async renew(): Promise<void> {
    if (!this.#handler.renews) return;
    if (this.#script !== undefined) this.#renewPending = true;
    else this.#runScript('renew');
  }

  async teardown(): Promise<void> {
    if (this.#phase === 'teardown' || this.#phase === 'abort') return;
    this.#renewPending = false;
    if (this.#phase === 'setup' && this.#script !== undefined) {
      this.#phase = 'abort';
      this.#setDeadline(abortMs);
      this.#script.kill('SIGTERM');
      this.#task?.kill('SIGTERM');
      return;
    }
    this.#phase = 'teardown';
    this.#setDeadline(teardownMs);
    this.#runScript('teardown', this.#lastError === undefined ? {} : { ERROR: String(this.#lastError) });
  }

  async notify(message: JsonTable): Promise<Outcome> {
    const host = message['host'];
    const action = typeof message['action'] === 'number' ? message['action'] : -1;
    switch (action) {
      case 0:
        return this.#updateLink(message);
      case 1:
        return this.#startTask(message);
      case 2:
        this.#task?.kill(typeof message['signal'] === 'number' ? message['signal'] : 'SIGTERM');
        return 'OK';
      case 3:
        return this.#addError(list(message, 'error').map(String));
      case 4:
        this.#subject.autostart = false;
        return 'OK';
      case 5:
        if (typeof message['available'] !== 'boolean') return 'INVALID_ARGUMENT';
        await this.#subject.setAvailable(message['available']);
        return 'OK';
      case 6:
        if (typeof host !== 'string') return 'INVALID_ARGUMENT';
        this.#undoHosts.push(await this.#hostRoutes(host, message['ifname']?.toString()));
        return 'OK';
      case 7:
        if (this.#phase === 'idle') await this.#subject.linkLost();
        await this.teardown();
        return 'OK';
      default:
        return 'INVALID_ARGUMENT';
    }
  }

  async #updateLink(message: JsonTable): Promise<Outcome> {
    if (this.#phase === 'teardown' || this.#phase === 'abort') return 'PERMISSION_DENIED';
    if (typeof message['link-up'] !== 'boolean') return 'INVALID_ARGUMENT';
    if (!message['link-up']) {
      await this.#subject.linkLost();
      return 'OK';
    }
    const keep = message['keep'] === true && this.#subject.l3Device !== undefined;
    const named = typeof message['ifname'] === 'string' ? message['ifname'] : this.#subject.mainDevice;
    const device = keep ? this.#subject.l3Device : named;
    if (device === undefined) return 'INVALID_ARGUMENT';
    if (!(await this.#subject.linkUp(device, updateOf(message), keep))) return 'UNKNOWN_ERROR';
    this.#phase = 'idle';
    return 'OK';
  }

  #startTask(message: JsonTable): Outcome {
    if (this.#phase === 'teardown' || this.#phase === 'abort') return 'PERMISSION_DENIED';
    const command = list(message, 'command').map(String);
    if (command.length === 0) return 'INVALID_ARGUMENT';
    const environment = list(message, 'env').map((entry) => String(entry).split(/=(.*)/s).slice(0, 2));
    const child = startProcess(
      command,
      Object.fromEntries(environment) as Record<string, string>,
      this.#handler.folder,
    );
    this.#task = child;
    child.on('close', (status) => {
      if (this.#phase === 'idle' || this.#phase === 'setup') this.#lastError = status ?? 1;
      this.#task = undefined;
      void this.#subject.serial.run(() => this.#taskEnded());
    });
    return 'OK';
  }

  #addError([code, ...data]: readonly string[]): Outcome {
    if (code === undefined) return 'INVALID_ARGUMENT';
    const error = { subsystem: this.#handler.name, code, ...(data.length === 0 ? {} : { data }) };
    this.#subject.errors = [...this.#subject.errors, error];
    return 'OK';
  }

  #runScript(action: 'setup' | 'teardown' | 'renew', environment: Readonly<Record<string, string>> = {}): void {
    const config = handlerConfig(this.#handler, this.#subject.config);
    const { name, mainDevice } = this.#subject;
    const argv = ['sh', `./${this.#handler.script}`, this.#handler.name, action, name, JSON.stringify(config)];
    if (mainDevice !== undefined) argv.push(mainDevice);
    const child = startProcess(argv, { ...handlerEnvironment(config), ...environment }, this.#handler.folder);
    this.#script = child;
    child.on('close', () => {
      // A script that was given up on may end long after another began.
      if (this.#script !== child) return;
      this.#script = undefined;
      void this.#subject.serial.run(() => this.#scriptEnded());
    });
  }

  async #scriptEnded(): Promise<void> {
    if (this.#phase === 'abort' || this.#phase === 'teardown') return this.#wentDown();
    if (this.#renewPending) {
      this.#renewPending = false;
      this.#runScript('renew');
    } else if (this.#phase === 'setup' && !this.#handler.noTask && this.#task === undefined) {
      await this.teardown();
    }
  }

  async #taskEnded(): Promise<void> {
    if (this.#phase === 'abort' || this.#phase === 'teardown') return this.#wentDown();
    if (this.#phase === 'idle') await this.#subject.linkLost();
    await this.teardown();
  }

  /** One step of going down: wait for what still runs, tear down after an abort, then tell the interface. */
  async #wentDown(): Promise<void> {
    if (this.#script !== undefined) return;
    if (this.#task !== undefined) {
      this.#task.kill('SIGTERM');
      return;
    }
    clearTimeout(this.#deadline);
    if (this.#phase === 'abort') {
      this.#phase = 'idle';
      await this.teardown();
      return;
    }
    this.#phase = 'idle';
    await this.#forgetHosts();
    await this.#subject.isDown();
  }

  #setDeadline(afterMs: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      this.#script?.kill('SIGKILL');
      this.#task?.kill('SIGKILL');
      this.#script = undefined;
      this.#task = undefined;
      void this.#subject.serial.run(() => this.#wentDown());
    }, afterMs);
  }

  async #forgetHosts(): Promise<void> {
    for (const undo of this.#undoHosts) await undo();
    this.#undoHosts = [];
  }
}
