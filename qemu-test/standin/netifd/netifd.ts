/**
 * netifd's stand-in: the interfaces of /etc/config/network, kept in the kernel and shown on ubus.
 * In: UCI, handlers, calls. Out: links, addresses and routes; the objects `network`, `network.device`,
 * `network.interface` and one for each interface; events, notifications and hotplug calls.
 * Held to openwrt-25.12-netifd.md and netifd-proto-handler.md; no hotplug of devices, no dhcp, no prefixes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BusClient, Published } from '../bus/client.ts';
import { Serial } from '../serial.ts';
import type { UciSection } from '../uci/file.ts';
import type { UciStore } from '../uci/store.ts';
import { type Route, routeOf } from './address.ts';
import { Devices } from './devices.ts';
import { type Handler, loadHandlers } from './handlers.ts';
import { addHostRoute } from './host-routes.ts';
import { type Announcement, NetInterface, type Protocol, type Surroundings } from './interface.ts';
import { clearKernel, type Kernel } from './kernel.ts';
import { interfaceMethods, networkMethods, deviceMethods } from './objects.ts';
import { ShellProtocol } from './shell-protocol.ts';
import { staticProtocol, unknownProtocol } from './static-protocol.ts';
import { statusOf } from './status.ts';

export interface NetifdSettings {
  readonly store: UciStore;
  readonly bus: BusClient;
  readonly run: Kernel;
  /** /lib/netifd/proto */
  readonly handlerFolder: string;
  /** Where dnsmasq looks for the resolvers of the interfaces. */
  readonly resolvPath: string;
  /** Runs /etc/hotplug.d/iface with these variables. */
  readonly hotplug: (variables: Readonly<Record<string, string>>) => Promise<void>;
}

export class Netifd {
  readonly interfaces = new Map<string, NetInterface>();
  handlers: readonly Handler[] = [];
  readonly #settings: NetifdSettings;
  readonly #devices: Devices;
  readonly #around: Surroundings;
  readonly #reloads = new Serial();
  readonly #hotplugs = new Serial();
  readonly #objects = new Map<string, Published>();
  #published: Published[] = [];
  #all: Published | undefined;
  #isNew = true;

  constructor(settings: NetifdSettings) {
    this.#settings = settings;
    this.#devices = new Devices(settings.run);
    this.#around = {
      run: settings.run,
      devices: this.#devices,
      announce: (subject, what) => this.#announce(subject, what),
      resolversChanged: () => this.#writeResolvers(),
      protocol: (subject) => this.#protocolOf(subject),
    };
  }

  /** Publishes the objects; the interfaces come with the first `reload`. */
  async start(): Promise<void> {
    const { bus, handlerFolder } = this.#settings;
    this.handlers = await loadHandlers(handlerFolder);
    const devices = await bus.publish('network.device', deviceMethods(this.#settings.run));
    this.#all = await bus.publish('network.interface', interfaceMethods(this, undefined));
    this.#published = [await bus.publish('network', networkMethods(this)), devices, this.#all];
  }

  /** Makes the interfaces what /etc/config/network says. */
  reload(): Promise<void> {
    return this.#reloads.run(() => this.#reload());
  }

  /** As a restart of the daemon: everything down, objects with new ids, everything up. */
  restart(): Promise<void> {
    return this.#reloads.run(async () => {
      await this.#stop();
      await this.start();
      await this.#reload();
    });
  }

  /** Everything down; the objects stay. */
  stop(): Promise<void> {
    return this.#reloads.run(() => this.#removeAll());
  }

  async #removeAll(): Promise<void> {
    await Promise.all([...this.interfaces.keys()].map((name) => this.#remove(name)));
    this.#isNew = true;
  }

  async #stop(): Promise<void> {
    await this.#removeAll();
    for (const object of this.#published) await object.remove();
    this.#published = [];
  }

  async #reload(): Promise<void> {
    const sections = this.#settings.store.load('network') ?? [];
    const disabled = ({ options }: UciSection): boolean => options.get('disabled') === '1';
    const wanted = sections.filter((section) => section.type === 'interface' && !disabled(section));
    const devices = wanted.map(({ options }) => options.get('device'));
    if (this.#isNew) await clearKernel(this.#settings.run, devices.includes('lo'));
    this.#isNew = false;
    await this.#devices.configure(sections);
    const names = new Set(wanted.map(({ name }) => name));
    const gone = [...this.interfaces.keys()].filter((name) => !names.has(name));
    await Promise.all(gone.map((name) => this.#remove(name)));
    for (const section of wanted) {
      const routes = routesOf(sections, section.name);
      const known = this.interfaces.get(section.name);
      if (known !== undefined) await known.serial.run(() => known.reconfigure(section, routes));
      else await this.#create(section, routes);
    }
  }

  async #create(section: UciSection, routes: readonly Route[]): Promise<void> {
    const created = new NetInterface(section, routes, this.#around);
    this.interfaces.set(created.name, created);
    const path = `network.interface.${created.name}`;
    this.#objects.set(created.name, await this.#settings.bus.publish(path, interfaceMethods(this, created)));
    if (created.autostart) await created.serial.run(() => created.up());
  }

  async #remove(name: string): Promise<void> {
    const subject = this.interfaces.get(name);
    if (subject === undefined) return;
    const { gone } = await subject.serial.run(() => subject.remove());
    await gone;
    this.interfaces.delete(name);
    await this.#objects.get(name)?.remove();
    this.#objects.delete(name);
  }

  #protocolOf(subject: NetInterface): Protocol {
    const name = subject.protocolName;
    if (name === 'static' || name === 'none') return staticProtocol(subject, name === 'static');
    const handler = this.handlers.find((candidate) => candidate.name === name);
    if (handler === undefined) return unknownProtocol(subject);
    return new ShellProtocol(subject, handler, (host, through) => {
      const others = [...this.interfaces.values()].filter((other) => other !== subject);
      const usable = others.filter((other) => through === undefined || other.name === through);
      return addHostRoute(this.#settings.run, host, usable);
    });
  }

  #announce(subject: NetInterface, what: Announcement): void {
    const { bus, hotplug } = this.#settings;
    const payload = { interface: subject.name, ...statusOf(subject) };
    const device = subject.l3Device ?? '';
    if (what === 'ifup' || what === 'ifdown') {
      void bus.send('network.interface', { action: what, interface: subject.name });
    }
    if (what !== 'ifup-failed') this.#all?.notify(what === 'ifdown' ? 'interface.down' : 'interface.update', payload);
    const changes = what === 'ifupdate' ? subject.updated.map((part) => [`IFUPDATE_${part.toUpperCase()}`, '1']) : [];
    const variables = { ACTION: what, INTERFACE: subject.name, DEVICE: device, ...Object.fromEntries(changes) };
    void this.#hotplugs.run(() => hotplug(variables as Record<string, string>));
  }

  #writeResolvers(): void {
    const { resolvPath } = this.#settings;
    const blocks = [...this.interfaces.values()].flatMap(({ name, state, dns, dnsSearch }) => {
      if (state !== 'up' || dns.length + dnsSearch.length === 0) return [];
      return [
        `# Interface ${name}`,
        ...dns.map((server) => `nameserver ${server}`),
        ...dnsSearch.map((domain) => `search ${domain}`),
      ];
    });
    mkdirSync(dirname(resolvPath), { recursive: true });
    writeFileSync(resolvPath, blocks.map((line) => `${line}\n`).join(''));
  }
}

function routesOf(sections: readonly UciSection[], name: string): Route[] {
  const routes = sections
    .filter(({ type, options }) => (type === 'route' || type === 'route6') && options.get('interface') === name)
    .map(({ type, options }) => routeOf(Object.fromEntries(options), type === 'route' ? 4 : 6));
  return routes.filter((route) => route !== undefined);
}
