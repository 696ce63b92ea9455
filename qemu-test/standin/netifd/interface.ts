/**
 * One interface of netifd: its state, and what its protocol says of it.
 * In: up, down, new configuration, the protocol's events. Out: changes of the kernel, announcements, a status.
 * Specified in netifd's interface.c; the order of announcements is the recorded one (an interface that goes down says
 * so twice: when teardown begins and when it is done).
 */
import type { JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import type { UciSection, UciValue } from '../uci/file.ts';
import type { Address, Route } from './address.ts';
import type { Devices } from './devices.ts';
import type { Kernel } from './kernel.ts';
import { Settings } from './settings.ts';
import { Serial } from '../serial.ts';

export type State = 'down' | 'setup' | 'up' | 'teardown';
export type Announcement = 'ifup' | 'ifdown' | 'ifupdate' | 'ifup-failed';

/** What an interface needs from netifd. */
export interface Surroundings {
  readonly run: Kernel;
  readonly devices: Devices;
  readonly announce: (netInterface: NetInterface, what: Announcement) => void;
  readonly resolversChanged: () => void;
  readonly protocol: (netInterface: NetInterface) => Protocol;
}

/** A way to bring an interface up. Its events are the interface's methods `linkUp`, `linkLost` and `isDown`. */
export interface Protocol {
  /** Options whose change makes netifd take the interface down and up. */
  readonly options: readonly string[];
  /** True: the device is the protocol's affair. */
  readonly noDevice: boolean;
  setup(): Promise<void>;
  teardown(): Promise<void>;
  renew?(): Promise<void>;
  notify?(message: JsonTable): Promise<'OK' | 'INVALID_ARGUMENT' | 'PERMISSION_DENIED' | 'UNKNOWN_ERROR'>;
}

export interface Update {
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly data?: JsonTable;
}

export interface InterfaceError {
  readonly subsystem: string;
  readonly code: string;
  readonly data?: readonly string[];
}

function flag(value: UciValue | undefined, otherwise: boolean): boolean {
  return value === undefined ? otherwise : ['1', 'on', 'true', 'yes', 'enabled'].includes(String(value));
}

export class NetInterface {
  readonly name: string;
  readonly settings: Settings;
  /** Everything that is done to the interface runs here; what its protocol's processes report, too. */
  readonly serial = new Serial();
  config: UciSection;
  routeSections: readonly Route[];
  protocol: Protocol;
  state: State = 'down';
  autostart: boolean;
  available = true;
  l3Device: string | undefined;
  startMs = 0;
  dns: readonly string[] = [];
  dnsSearch: readonly string[] = [];
  data: JsonTable = {};
  errors: readonly InterfaceError[] = [];
  updated: readonly string[] = [];
  readonly #around: Surroundings;
  #claimed: string | undefined;
  #pending: { readonly config: UciSection; readonly routes: readonly Route[] } | undefined;
  #removed: (() => void) | undefined;

  constructor(config: UciSection, routeSections: readonly Route[], around: Surroundings) {
    this.name = config.name;
    this.config = config;
    this.routeSections = routeSections;
    this.#around = around;
    this.settings = new Settings(around.run);
    this.autostart = flag(config.options.get('auto'), true);
    this.protocol = around.protocol(this);
  }

  option(name: string): string | undefined {
    const value = this.config.options.get(name);
    return value === undefined ? undefined : [value].flat().join(' ');
  }

  list(name: string): string[] {
    return [this.config.options.get(name) ?? []].flat().flatMap((value) => value.split(/\s+/).filter((item) => item));
  }

  get protocolName(): string {
    return this.option('proto') ?? 'none';
  }

  /** The device of the section; none for protocols that make their own. */
  get mainDevice(): string | undefined {
    return this.protocol.noDevice ? undefined : (this.option('device') ?? this.option('ifname'));
  }

  get metric(): number {
    return Number(this.option('metric') ?? 0);
  }

  /** The user's or the start's up. */
  async up(): Promise<void> {
    this.autostart = true;
    if (this.state !== 'down' || !this.available) return;
    this.errors = [];
    this.state = 'setup';
    console.log(`netifd: Interface '${this.name}' is setting up now`);
    await this.protocol.setup();
  }

  /** The user's down. */
  async down(): Promise<void> {
    this.autostart = false;
    await this.#takeDown();
  }

  /** Takes the interface away; the promise inside resolves when its protocol is done with it. */
  async remove(): Promise<{ readonly gone: Promise<void> }> {
    this.autostart = false;
    const gone = new Promise<void>((resolve) => (this.#removed = resolve));
    if (this.state === 'down') this.#removed?.();
    else await this.#takeDown();
    return { gone };
  }

  async renew(): Promise<void> {
    if (this.state === 'up' || this.state === 'setup') await this.protocol.renew?.();
  }

  async setAvailable(available: boolean): Promise<void> {
    if (this.available === available) return;
    this.available = available;
    if (!available) await this.#takeDown();
    else if (this.autostart) await this.up();
  }

  /** A section as a reload found it. What the protocol did not declare changes nothing, as recorded. */
  async reconfigure(config: UciSection, routes: readonly Route[]): Promise<void> {
    const shown = (section: UciSection, names: readonly string[]): string =>
      JSON.stringify(names.map((name) => section.options.get(name) ?? null));
    const differs = (...names: string[]): boolean => shown(this.config, names) !== shown(config, names);
    const auto = flag(config.options.get('auto'), true);
    const autoChanged = auto !== flag(this.config.options.get('auto'), true);
    const restart = differs('proto', 'device', 'ifname', ...this.protocol.options) || (autoChanged && !auto);
    if (autoChanged) this.autostart = auto;
    if (restart) {
      this.#pending = { config, routes };
      this.errors = [];
      if (this.state === 'down') await this.#adopt();
      else await this.#takeDown();
      return;
    }
    const routesChange = differs('metric') || JSON.stringify(routes) !== JSON.stringify(this.routeSections);
    const device = this.l3Device;
    const isUp = this.state === 'up' && device !== undefined;
    const update = { addresses: [...this.settings.addresses.values()], routes: this.#protocolRoutes() };
    if (isUp && routesChange) await this.settings.disableRoutes(device, this.metric);
    this.config = config;
    this.routeSections = routes;
    if (isUp && routesChange) await this.#set(device, update, false);
    if (autoChanged && auto) await this.up();
  }

  /** From the protocol: the interface works over this device. False: there is no such device. */
  async linkUp(device: string, update: Update, keep = false): Promise<boolean> {
    const keeping = keep && this.state === 'up';
    if (!keeping && this.#claimed !== device) {
      await this.#release();
      if (!(await this.#around.devices.claim(device))) return false;
      this.#claimed = device;
    }
    this.l3Device = this.#claimed;
    const changed = await this.#set(device, update, keeping);
    // In any other state netifd sets the addresses all the same, but no routes, and stays where it is.
    if (this.state === 'setup') {
      this.state = 'up';
      this.startMs = Date.now();
      this.errors = [];
      console.log(`netifd: Interface '${this.name}' is now up`);
      this.#around.announce(this, 'ifup');
      this.#around.resolversChanged();
    } else if (this.state === 'up' && changed) {
      this.#around.announce(this, 'ifupdate');
      this.#around.resolversChanged();
    }
    return true;
  }

  /** From the protocol: the interface stopped working by itself. */
  async linkLost(): Promise<void> {
    if (this.state !== 'up') return;
    console.log(`netifd: Interface '${this.name}' has lost the connection`);
    await this.#markDown();
    this.state = 'setup';
  }

  /** From the protocol: teardown is done. */
  async isDown(): Promise<void> {
    if (this.state === 'down') return;
    console.log(`netifd: Interface '${this.name}' is now down`);
    await this.#markDown();
    await this.#adopt();
    this.#removed?.();
  }

  /** From the protocol: it cannot even begin. It is not tried again until somebody asks. */
  async refuse(error: InterfaceError): Promise<void> {
    await this.#markDown();
    this.errors = [error];
    this.#removed?.();
  }

  #protocolRoutes(): Route[] {
    const own = this.routeSections.map((route) => JSON.stringify(route));
    return [...this.settings.routes.values()].filter((route) => !own.includes(JSON.stringify(route)));
  }

  async #set(device: string, update: Update, keep: boolean): Promise<boolean> {
    const routesToo = this.state === 'setup' || this.state === 'up';
    const { addresses, routes } = update;
    const wanted = { addresses, routes: [...routes, ...this.routeSections] };
    const changed = await this.settings.update(device, wanted, { keep, metric: this.metric, routesToo });
    const data = keep ? { ...this.data, ...update.data } : (update.data ?? {});
    const parts = { ...changed, data: JSON.stringify(data) !== JSON.stringify(this.data) };
    this.dns = keep ? [...this.dns, ...(update.dns ?? [])] : (update.dns ?? []);
    this.dnsSearch = keep ? [...this.dnsSearch, ...(update.dnsSearch ?? [])] : (update.dnsSearch ?? []);
    this.data = data;
    this.updated = Object.entries(parts).flatMap(([name, has]) => (has ? [name] : []));
    return this.updated.length > 0;
  }

  async #takeDown(): Promise<void> {
    if (this.state !== 'up' && this.state !== 'setup') return;
    const before = this.state;
    this.state = 'teardown';
    if (before === 'up') this.#around.announce(this, 'ifdown');
    await this.protocol.teardown();
  }

  async #markDown(): Promise<void> {
    const before = this.state;
    this.state = 'down';
    this.#around.announce(this, before === 'setup' ? 'ifup-failed' : 'ifdown');
    await this.settings.clear(this.l3Device, this.metric);
    await this.#release();
    this.l3Device = undefined;
    this.dns = [];
    this.dnsSearch = [];
    this.#around.resolversChanged();
  }

  async #release(): Promise<void> {
    if (this.#claimed === undefined) return;
    await this.#around.devices.release(this.#claimed);
    this.#claimed = undefined;
  }

  /** After the end of the old configuration: the new one, and up again if the interface is wanted. */
  async #adopt(): Promise<void> {
    if (this.#pending !== undefined) {
      this.config = this.#pending.config;
      this.routeSections = this.#pending.routes;
      this.#pending = undefined;
      this.protocol = this.#around.protocol(this);
    }
    if (this.autostart && this.#removed === undefined) await this.up();
  }
}
