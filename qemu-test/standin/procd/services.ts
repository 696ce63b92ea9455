/**
 * procd's object `service`.
 * In: what rc scripts send, events. Out: supervised instances, triggers run, notifications `service.*`, `instance.*`,
 * `event.trigger`, `config.change`. Specified in procd's service.c; signatures and replies as recorded
 * (openwrt-25.12-ubus-objects.md, openwrt-25.12-procd.md).
 */
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';
import type { BusClient, Method, Methods, Published, Result } from '../bus/client.ts';
import { Instance } from './instance.ts';
import { type RunScript, Triggers } from './triggers.ts';

interface Service {
  readonly name: string;
  readonly instances: Map<string, Instance>;
  triggers: readonly JsonValue[];
  data: JsonTable;
  /** Instances seen since `update_start`; what was not is stopped at `update_complete`. */
  updating: Set<string> | undefined;
}

const setArgs = {
  name: 'String',
  script: 'String',
  instances: 'Table',
  triggers: 'Array',
  validate: 'Array',
  autostart: 'Boolean',
  data: 'Table',
} as const;
const instanceArgs = { name: 'String', instance: 'String' } as const;
const defaultSignal = 1;

export class Services {
  readonly #services = new Map<string, Service>();
  readonly #triggers: Triggers;
  /** Processes that are being ended: their successors wait for them. */
  readonly #ending = new Map<string, Promise<void>>();
  #object: Published | undefined;

  constructor(run: RunScript) {
    this.#triggers = new Triggers(run);
  }

  async start(bus: BusClient): Promise<void> {
    this.#object = await bus.publish('service', this.#methods());
  }

  /** An event, as `ubus call service event` gives it. */
  event(type: string, data: JsonTable): void {
    this.#triggers.fire(type, data);
    this.#object?.notify('event.trigger', { type, data });
    const { package: config } = data;
    if (type === 'config.change' && typeof config === 'string') this.#object?.notify('config.change', { config });
  }

  /** Ends every process. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#services.keys()].map((name) => this.#delete(name)));
  }

  #methods(): Methods {
    const on = (
      args: Method['args'],
      run: (service: Service, given: JsonTable) => Result | Promise<Result>,
    ): Method => ({
      args,
      run: (given) => {
        const service = this.#services.get(String(given['name']));
        return service === undefined ? 'NOT_FOUND' : run(service, given);
      },
    });
    return {
      set: { args: setArgs, run: (args) => this.#set(args, false) },
      add: { args: setArgs, run: (args) => this.#set(args, true) },
      list: { args: { name: 'String', verbose: 'Boolean' }, run: (args) => this.#list(args) },
      delete: on(instanceArgs, (service, args) => this.#deleteCall(service, args)),
      signal: on({ ...instanceArgs, signal: 'Integer' }, signal),
      update_start: on({ name: 'String' }, (service) => {
        service.updating = new Set();
        return undefined;
      }),
      update_complete: on({ name: 'String' }, (service) => this.#updateComplete(service)),
      event: { args: { type: 'String', data: 'Table' }, run: (args) => this.#eventCall(args) },
      validate: { args: { package: 'String', type: 'String', service: 'String' }, run: () => ({}) },
      get_data: { args: { ...instanceArgs, type: 'String' }, run: (args) => this.#data(args) },
      set_data: on({ ...instanceArgs, data: 'Table' }, setData),
      state: on({ spawn: 'Boolean', name: 'String' }, state),
      watchdog: { args: { mode: 'Integer', timeout: 'Integer', ...instanceArgs }, run: () => 'NOT_SUPPORTED' },
    };
  }

  #announce(event: string, service: string, instance?: string): void {
    this.#object?.notify(event, instance === undefined ? { service } : { service, instance });
  }

  #set(args: JsonTable, add: boolean): Result {
    const { name } = args;
    if (typeof name !== 'string') return 'INVALID_ARGUMENT';
    const known = this.#services.get(name);
    const service = known ?? { name, instances: new Map(), triggers: [], data: {}, updating: undefined };
    this.#services.set(name, service);
    if (Array.isArray(args['triggers'])) {
      service.triggers = args['triggers'] as readonly JsonValue[];
      this.#triggers.set(name, service.triggers);
    }
    service.data = (args['data'] ?? {}) as JsonTable;
    const wanted = Object.entries((args['instances'] ?? {}) as JsonTable);
    for (const [instance, config] of wanted) this.#setInstance(service, instance, config as JsonTable);
    const kept = new Set(wanted.map(([instance]) => instance));
    if (!add && service.updating === undefined) this.#stopOthers(service, kept);
    if (known === undefined) this.#announce('service.start', name);
    return undefined;
  }

  #setInstance(service: Service, name: string, config: JsonTable): void {
    service.updating?.add(name);
    const known = service.instances.get(name);
    if (known !== undefined) {
      known.update(config);
      return;
    }
    const instance = new Instance(service.name, name, config, (event) => this.#announce(event, service.name, name));
    service.instances.set(name, instance);
    const predecessor = this.#ending.get(`${service.name}::${name}`) ?? Promise.resolve();
    void predecessor.then(() => {
      if (service.instances.get(name) === instance) instance.start();
    });
  }

  #stopOthers(service: Service, kept: ReadonlySet<string>): void {
    for (const [name, instance] of service.instances) {
      if (kept.has(name)) continue;
      void this.#end(service, instance);
    }
  }

  #updateComplete(service: Service): Result {
    if (service.updating !== undefined) this.#stopOthers(service, service.updating);
    service.updating = undefined;
    return undefined;
  }

  #list(args: JsonTable): JsonTable {
    const wanted = [...this.#services.values()].filter(
      ({ name }) => args['name'] === undefined || name === args['name'],
    );
    wanted.sort((a, b) => (a.name < b.name ? -1 : 1));
    const shown = wanted.map((service) => {
      const instances = [...service.instances].map(([name, instance]) => [name, instance.shown()] as const);
      const verbose = args['verbose'] === true && service.triggers.length > 0;
      return [
        service.name,
        {
          ...(instances.length === 0 ? {} : { instances: Object.fromEntries(instances) }),
          ...(verbose ? { triggers: service.triggers } : {}),
        },
      ] as const;
    });
    return Object.fromEntries(shown);
  }

  #deleteCall(service: Service, args: JsonTable): Result {
    if (args['instance'] === undefined) {
      void this.#delete(service.name);
      return undefined;
    }
    const instance = service.instances.get(String(args['instance']));
    if (instance === undefined) return 'NOT_FOUND';
    void this.#end(service, instance);
    return undefined;
  }

  async #delete(name: string): Promise<void> {
    const service = this.#services.get(name);
    if (service === undefined) return;
    this.#services.delete(name);
    this.#triggers.remove(name);
    this.#announce('service.stop', name);
    await Promise.all([...service.instances.values()].map((instance) => this.#end(service, instance)));
  }

  async #end(service: Service, instance: Instance): Promise<void> {
    service.instances.delete(instance.name);
    const key = `${service.name}::${instance.name}`;
    const ended = instance.stop();
    this.#ending.set(key, ended);
    await ended;
    if (this.#ending.get(key) === ended) this.#ending.delete(key);
  }

  #eventCall(args: JsonTable): Result {
    const { type, data } = args;
    if (typeof type !== 'string' || data === undefined) return 'INVALID_ARGUMENT';
    this.event(type, data as JsonTable);
    return undefined;
  }

  /** Data of services and of their instances, all or of one type, each under the name of its type. */
  #data(args: JsonTable): JsonTable {
    const type = args['type'];
    const pick = (data: JsonTable = {}): JsonTable =>
      Object.fromEntries(Object.entries(data).filter(([name]) => type === undefined || name === type));
    const services = [...this.#services.values()].filter(
      ({ name }) => args['name'] === undefined || name === args['name'],
    );
    const shown = services.map((service) => {
      const instances = [...service.instances].map(([name, { data }]) => [name, pick(data)] as const);
      const filled = instances.filter(([, data]) => Object.keys(data).length > 0);
      return [service.name, { ...pick(service.data), ...Object.fromEntries(filled) }] as const;
    });
    return Object.fromEntries(shown.filter(([, data]) => Object.keys(data).length > 0));
  }
}

function signal(service: Service, args: JsonTable): Result {
  const all = [...service.instances.values()];
  const wanted = args['instance'] === undefined ? all : all.filter(({ name }) => name === args['instance']);
  if (wanted.length === 0) return 'NOT_FOUND';
  const sent = wanted.map((instance) => instance.signal(Number(args['signal'] ?? defaultSignal)));
  return sent.every(Boolean) ? undefined : 'NOT_FOUND';
}

function setData(service: Service, args: JsonTable): Result {
  if (args['data'] === undefined) return 'INVALID_ARGUMENT';
  const data = args['data'] as JsonTable;
  if (args['instance'] === undefined) {
    service.data = data;
    return undefined;
  }
  const instance = service.instances.get(String(args['instance']));
  if (instance === undefined) return 'NOT_FOUND';
  instance.setData(data);
  return undefined;
}

async function state(service: Service, args: JsonTable): Promise<Result> {
  if (args['spawn'] === undefined) return 'INVALID_ARGUMENT';
  for (const instance of service.instances.values()) {
    if (args['spawn'] === true) instance.start();
    else await instance.stop();
  }
  return undefined;
}
