/**
 * What the loop needs from the world. Drivers implement these; only main.ts joins the two.
 * A fault throws `Fault`; an expected refusal is a value.
 */
import type { NamesStep, ResolverState } from '../plan/names.ts';
import type { BootFiles, Family, Lifeline, Link, Observed, Routings } from '../plan/observed.ts';
import type { PeerGreeting, PeerSetting } from '../plan/peers.ts';
import type { HostName } from '../policy/names.ts';
import type { AuditBatch } from '../trust/audit-chain.ts';
import type { AuditFiles } from '../trust/audit-verify.ts';
import type { Digest, Endpoint, Floors, Ip } from '../trust/types.ts';
import type { NftTable } from '../wire/nft-json.ts';
import type { WgDevice } from '../wire/wg-dump.ts';

export class Fault extends Error {
  readonly code: string;
  readonly subject: string;
  constructor(code: string, subject: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Fault';
    this.code = code;
    this.subject = subject;
  }
}

/** What a person is told of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** ubus as a client, and as the publisher of objects. Arguments and replies are plain JSON values. */
export interface Ubus {
  /** Status codes of ubusmsg.h other than 0 throw Fault `UBUS_<NAME>`; `timeoutMs` bounds the wait. */
  call(object: string, method: string, args?: JsonObject, timeoutMs?: number): Promise<JsonObject>;
  publish(object: string, methods: Record<string, UbusMethod>): void;
  /** Notifications of an object, over restarts of ubusd and of the object's owner. */
  subscribe(object: string, listener: (event: string, data: JsonObject) => void): void;
  close(): void;
}
export interface UbusMethod {
  /** Argument names and blobmsg types, as `ubus -v list` shows them. */
  readonly policy: Readonly<Record<string, 'String' | 'Integer' | 'Boolean' | 'Table' | 'Array'>>;
  /** A number is a status code of ubusmsg.h (6 PERMISSION_DENIED, 2 INVALID_ARGUMENT). */
  readonly handler: (args: JsonObject) => Promise<JsonObject | number> | JsonObject | number;
}
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A message of the broker; `payload` of length 0 means that the retained message was cleared. */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}
export interface BrokerSettings {
  /** `mqtt://host[:1883]` or `mqtts://host[:8883]`. */
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM of the only CAs to believe; without it the system's store. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** MQTT last will, retained. */
  readonly will?: BrokerMessage;
  /** A message larger than this is dropped before anyone parses it, and counted. */
  readonly maxMessageBytes: number;
}
export interface BrokerState {
  readonly connected: boolean;
  readonly lastError?: string;
  readonly dropped: number;
  readonly receivedBytes: number;
}
export interface Broker {
  subscribe(topics: readonly string[]): void;
  unsubscribe(topics: readonly string[]): void;
  publish(message: BrokerMessage): void;
  state(): BrokerState;
  close(): Promise<void>;
}

/** nft. `table` (`inet rustynet`) is undefined when there is none; `run` takes one script as one transaction. */
export interface Firewall {
  table(name: string): Promise<NftTable | undefined>;
  run(script: string): Promise<void>;
  /** Whether the kernel has flowtables. */
  canOffload(): Promise<boolean>;
}

/** The WireGuard device and its peers; a verb for each thing that wg(8) and ip-link(8) are to do. */
export interface WireGuard {
  device(name: string): Promise<WgDevice | undefined>;
  create(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Sets the private key, the port, the MTU and the mark of what it sends. */
  configure(name: string, link: { listenPort: number; mtu: number; mark: number }): Promise<void>;
  setPeers(name: string, peers: readonly PeerSetting[]): Promise<void>;
  /** Begins a handshake with each. */
  greetPeers(name: string, peers: readonly PeerGreeting[]): Promise<void>;
  removePeers(name: string, publicKeys: readonly string[]): Promise<void>;
}

/** Addresses and routes, which netifd sets and the kernel shows. */
export interface Network {
  link(name: string): Promise<Link | undefined>;
  /** `renewed`: tell netifd first that the link was gone. */
  address(name: string, addresses: readonly string[], routes: readonly string[], renewed: boolean): Promise<void>;
  down(name: string): Promise<void>;
}

/** Rules and routes that are ours. */
export interface RoutingTables {
  look(): Promise<Routings>;
  /** Lines for ip(8), a family each; empty text is nothing to do. */
  run(scripts: Readonly<Record<Family, string>>): Promise<void>;
}

/** What the boot sets before the agent runs, on flash. */
export interface BootGuard {
  look(): BootFiles;
  write(files: BootFiles): void;
  /** Times written since this process began. */
  writes(): number;
}

/** Names of endpoints. What does not resolve is missing in the answer and in nobody's way. */
export interface Resolver {
  resolve(endpoints: readonly Endpoint[]): Promise<ReadonlyMap<Endpoint, string>>;
  /** Why an endpoint is missing. */
  problems(): ReadonlyMap<Endpoint, string>;
}

/** An NTP server that DHCP told of on an uplink. */
export interface ToldClock {
  readonly network: string;
  readonly address: Ip;
}
/** What netifd knows of the networks beside the mesh. */
export interface Surroundings {
  /** `name` is the mesh's own interface, which is none of them. */
  look(
    name: string,
    localNetworks: readonly string[],
  ): Promise<
    Pick<Observed, 'locals' | 'uplinks' | 'uplinkDevices' | 'uplinkResolvers' | 'uplinkMtu'> & {
      readonly uplinkClocks: readonly ToldClock[];
    }
  >;
}

/** What keeps the tunnel alive while everything else in the clear is closed. */
export interface KnownLifelines {
  readonly lifelines: readonly Lifeline[];
  readonly lifelineHosts: readonly HostName[];
  readonly resolved: ReadonlyMap<Endpoint, string>;
}
export interface Lifelines {
  /** Asks `resolvers` directly; `broker` is a URL. What does not answer is missing and in nobody's way. */
  look(
    broker: string | undefined,
    endpoints: readonly Endpoint[],
    resolvers: readonly Ip[],
    told: readonly ToldClock[],
  ): Promise<KnownLifelines>;
  /** Why a name is missing. */
  problems(): readonly string[];
}

/** The router's dnsmasq. */
export interface NameServer {
  /** `own` is the name to ask it for. */
  look(own: string | undefined): Promise<ResolverState | undefined>;
  set(step: NamesStep): Promise<void>;
}

/** What must survive a power cut. */
export interface Stored {
  readonly floors: Floors;
  /** Envelopes, as they came. */
  readonly root?: Uint8Array;
  readonly map?: Uint8Array;
}
export interface Store {
  /** `undefined` before the first commit; Fault `STORE_CORRUPT` for anything that is there and does not verify. */
  read(): Stored | undefined;
  part(digest: Digest): Uint8Array | undefined;
  /** All or nothing; parts that are no longer listed go afterwards; none do without a list. */
  commit(stored: Stored, parts: ReadonlyMap<Digest, Uint8Array>, keep: readonly Digest[] | undefined): void;
  /** Forgets the membership. */
  clear(): void;
  /** Commits since this process began. */
  writes(): number;
}

/** The audit log on flash. */
export interface AuditStore {
  /** Segments in order, each no longer than its bound and one byte. */
  read(): AuditFiles;
  /** A lost power in it leaves the log as it was, or with an end that `resumeAudit` takes off. */
  write(batch: AuditBatch): void;
  /** Batches since this process began. */
  writes(): number;
}

/** The router's own configuration, the UCI package `rustynet`. */
export interface Settings {
  /** Options of the section `main`; Fault `SETTINGS` when there is none. */
  read(): Promise<JsonObject>;
  /** Sets options and lists, or removes those that are `undefined`, and commits; Faults as of `Configuration`. */
  write(options: Readonly<Record<string, string | readonly string[] | undefined>>): Promise<void>;
}

/** Other packages of UCI, of which we own single sections. */
export type SectionChange =
  | { readonly do: 'add'; readonly section: string; readonly type: string; readonly options: JsonObject }
  | { readonly do: 'set'; readonly section: string; readonly options: JsonObject }
  | { readonly do: 'unset'; readonly section: string; readonly options: readonly string[] }
  | { readonly do: 'remove'; readonly section: string };
export interface Configuration {
  /** Sections by name, options with `.type`; none when there is no such package. */
  sections(config: string): Promise<Readonly<Record<string, JsonObject>>>;
  /**
   * Commits the changes. Fault `PENDING` when there are changes of somebody else that a commit would take along, `BUSY`
   * while settings that LuCI applies wait to be confirmed.
   */
  change(config: string, changes: readonly SectionChange[]): Promise<void>;
}

export interface World {
  readonly firewall: Firewall;
  readonly wireGuard: WireGuard;
  readonly network: Network;
  readonly routing: RoutingTables;
  readonly bootGuard: BootGuard;
  readonly resolver: Resolver;
  readonly surroundings: Surroundings;
  readonly lifelines: Lifelines;
  readonly names: NameServer;
}
