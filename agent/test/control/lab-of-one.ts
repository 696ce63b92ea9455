/**
 * An agent with a real flash folder and real documents, and a kernel that is a mirror: it shows what the last plan asked
 * for. What the kernel really does is the lab's affair; here it is what the agent says and keeps.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../../src/control/agent.ts';
import {
  Fault,
  type AuditStore,
  type BrokerMessage,
  type BrokerSettings,
  type JsonObject,
  type SectionChange,
  type Store,
  type Ubus,
  type UbusMethod,
} from '../../src/control/ports.ts';
import type { Secrets } from '../../src/control/session.ts';
import { connectBroker } from '../../src/drivers/mqtt.ts';
import { openAudit } from '../../src/drivers/audit.ts';
import { openFlash } from '../../src/drivers/flash.ts';
import {
  nothingAround,
  type LocalNetwork,
  type Observed,
  type Routing,
  type Routings,
} from '../../src/plan/observed.ts';
import type { Desired } from '../../src/policy/desired.ts';
import { closedDesired } from '../../src/policy/desired.ts';
import { nowUnixS, signer } from '../trust/network.ts';
import { choices } from '../policy/believed.ts';
import { mirror } from '../plan/mirror.ts';
import { nodeIdOf } from '../../src/trust/words.ts';
import { encodeBase64 } from '../../src/trust/base64.ts';
import type { WireGuardKey } from '../../src/trust/types.ts';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** What lines of ip(8) make of what is there. */
function routed({ rules, routes }: Routing, script: string): Routing {
  const lines = script.split('\n').filter((line) => line !== '');
  const after = (kind: string, known: readonly string[]): readonly string[] => {
    const of = (verb: string): string[] =>
      lines
        .filter((line) => line.startsWith(`${kind} ${verb} `))
        .map((line) => line.slice(kind.length + verb.length + 2));
    return [...known.filter((line) => !of('del').includes(line)), ...of('add'), ...of('replace')];
  };
  return { rules: after('rule', rules), routes: after('route', routes) };
}

export class LabOfOne {
  #routing: Routings;
  readonly folder: string;
  readonly options: Map<string, string | readonly string[]>;
  /** Packages of UCI, their sections by name. */
  readonly packages: Record<string, Record<string, JsonObject>>;
  /** What nft and ip were given, and how often the files of the boot were written. */
  readonly scripts: string[] = [];
  readonly ipScripts: string[] = [];
  bootWrites = 0;
  uciWrites = 0;
  secrets: Secrets = {};
  readonly store: Store;
  readonly audit: AuditStore;
  /** LANs that netifd knows. */
  locals: readonly LocalNetwork[] = [];
  /** Of each session with a broker. */
  readonly logins: BrokerSettings[] = [];
  /** What the broker was given. */
  readonly published: BrokerMessage[] = [];
  readonly lines: string[] = [];
  /** What the kernel shows; a test bends it. */
  shows: Observed | undefined;
  isNftBroken = false;
  /** Of keys alone: a test has the store itself refuse. */
  isFlashFull = false;
  areKeysLost = false;
  readonly removed: string[] = [];
  readonly agent: Agent;
  #methods: Record<string, UbusMethod> = {};
  deliver: ((message: BrokerMessage) => void) | undefined;
  clockUnixS = nowUnixS;
  /** What has passed besides the test's own time. */
  passedS = 0;
  #held: Promise<void> | undefined;
  readonly #listeners = new Map<string, (event: string, data: JsonObject) => void>();

  /** `folder`: the flash of one that ended, which a test removes; `shows` and `packages`: what its kernel and UCI have. */
  constructor(
    name: string,
    options: Readonly<Record<string, string | readonly string[]>> = {},
    folder?: string,
    shows?: Observed,
    packages: Record<string, Record<string, JsonObject>> = { network: {}, firewall: {} },
  ) {
    this.packages = packages;
    this.shows = shows;
    this.#routing = shows?.routing ?? nothingAround.routing;
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'rustynet-agent-'));
    this.store = openFlash(join(this.folder, 'state'));
    this.audit = openAudit(join(this.folder, 'audit'));
    this.options = new Map(Object.entries(options));
    const { key, secret } = signer(`member ${name}`);
    const keyOf = (seed: string): WireGuardKey =>
      encodeBase64(x25519.getPublicKey(sha256(new Uint8Array(Buffer.from(seed))))) as WireGuardKey;
    const keys = { inUse: keyOf(`test wireguard ${name}`), next: undefined as WireGuardKey | undefined };
    this.agent = new Agent({
      version: 'test',
      rest: () => undefined,
      builtUnixS: nowUnixS - 1000,
      identity: {
        id: nodeIdOf(key),
        identityKey: key,
        get wireGuardKey() {
          return keys.inUse;
        },
        get nextWireGuardKey() {
          return keys.next;
        },
        makeNextKey: () => (keys.next ??= keyOf(`next wireguard ${name}`)),
        takeNextKey: () => {
          if (this.isFlashFull) throw new Error('ENOSPC: no space left on device');
          [keys.inUse, keys.next] = [keys.next ?? keys.inUse, undefined];
        },
        requireKept: () => {
          if (this.areKeysLost) throw new Fault('KEY_FILE', 'identity.key', 'identity.key: wanted a key, got none');
        },
        sign: (message) => ed25519.sign(message, secret),
      },
      world: {
        firewall: {
          table: async (name) => {
            await this.#held;
            if (this.isNftBroken) throw new Error('nft is broken');
            const { guard, protection } = this.#kernel();
            return name === 'inet rustynet' ? guard : protection;
          },
          run: (script) => {
            this.scripts.push(script);
            return this.isNftBroken ? Promise.reject(new Error('nft is broken')) : Promise.resolve();
          },
          canOffload: () => Promise.resolve(true),
        },
        wireGuard: {
          device: () => Promise.resolve(this.#kernel().device),
          create: () => Promise.resolve(),
          remove: (link) => Promise.resolve(void this.removed.push(link)),
          configure: () => Promise.resolve(),
          setPeers: () => Promise.resolve(),
          greetPeers: () => Promise.resolve(),
          removePeers: () => Promise.resolve(),
        },
        network: {
          link: (link) =>
            Promise.resolve(link === (this.options.get('interface') ?? 'rn0') ? this.#kernel().link : undefined),
          address: () => Promise.resolve(),
          down: () => Promise.resolve(),
        },
        routing: {
          look: () => Promise.resolve(this.#kernel().routing),
          run: (scripts) => {
            this.ipScripts.push(scripts[4], scripts[6]);
            this.#routing = { 4: routed(this.#routing[4], scripts[4]), 6: routed(this.#routing[6], scripts[6]) };
            return Promise.resolve();
          },
        },
        bootGuard: { look: () => this.#kernel().bootFiles, write: () => void (this.bootWrites += 1), writes: () => 0 },
        resolver: { resolve: () => Promise.resolve(new Map()), problems: () => new Map() },
        surroundings: { look: () => Promise.resolve({ ...nothingAround, uplinkClocks: [], locals: this.locals }) },
        lifelines: {
          look: () => Promise.resolve({ lifelines: [], lifelineHosts: [], resolved: new Map() }),
          problems: () => [],
        },
        names: { look: () => Promise.resolve(undefined), set: () => Promise.resolve() },
      },
      settings: {
        read: () => Promise.resolve(Object.fromEntries(this.options)),
        write: (values) => {
          for (const [option, value] of Object.entries(values)) {
            if (value === undefined) this.options.delete(option);
            else this.options.set(option, value);
          }
          return Promise.resolve();
        },
      },
      configuration: {
        sections: (config) => Promise.resolve({ ...this.packages[config] }),
        change: (config, changes) => Promise.resolve(this.#changeSections(config, changes)),
      },
      store: this.store,
      audit: this.audit,
      vault: {
        read: () => this.secrets,
        write: (secrets) => {
          const left = Object.entries({ ...this.secrets, ...secrets }).filter(([, text]) => text !== undefined);
          this.secrets = Object.fromEntries(left);
        },
      },
      ubus: this.#ubus(),
      connectBroker: (settings, onMessage, onState) => {
        // The real driver reads the URL; what it would connect to, nobody answers for.
        void connectBroker({ settings, onMessage: () => undefined, onState }).close();
        this.deliver = onMessage;
        this.logins.push(settings);
        return {
          subscribe: () => undefined,
          unsubscribe: () => undefined,
          publish: (message) => void this.published.push(message),
          state: () => ({ connected: true, dropped: 0, receivedBytes: 0 }),
          close: () => Promise.resolve(),
        };
      },
      clockUnixS: () => this.clockUnixS,
      monotonicS: () => performance.now() / 1000 + this.passedS,
      log: (line) => this.lines.push(line),
    });
    this.agent.start();
  }

  /** Every look at the kernel waits until the result is called. */
  hold(): () => void {
    let release = (): void => undefined;
    this.#held = new Promise((resolve) => (release = resolve));
    return () => release();
  }

  #kernel(): Observed {
    return { ...(this.shows ?? mirror(closedDesired(choices))), routing: this.#routing };
  }

  /** The kernel has this from now on. */
  show(desired: Desired): void {
    this.shows = mirror(desired);
  }

  #changeSections(config: string, changes: readonly SectionChange[]): void {
    const sections = (this.packages[config] ??= {});
    this.uciWrites += 1;
    for (const change of changes) {
      const { section } = change;
      if (change.do === 'add') sections[section] = { '.type': change.type, ...change.options };
      else if (change.do === 'set') sections[section] = { ...sections[section], ...change.options };
      else if (change.do === 'unset') {
        const kept = Object.entries(sections[section] ?? {}).filter(([option]) => !change.options.includes(option));
        sections[section] = Object.fromEntries(kept);
      } else Reflect.deleteProperty(sections, section);
    }
  }

  #ubus(): Ubus {
    return {
      call: () => Promise.resolve({}),
      publish: (_, methods) => void (this.#methods = methods),
      subscribe: (object, listener) => void this.#listeners.set(object, listener),
      close: () => undefined,
    };
  }

  notify(object: string, event: string, data: JsonObject): void {
    this.#listeners.get(object)?.(event, data);
  }

  async call(method: string, args: JsonObject = {}): Promise<JsonObject> {
    const answer = await this.#methods[method]?.handler(args);
    if (typeof answer !== 'object') throw new Error(`wanted an answer of ${method}, got ${String(answer)}`);
    return answer;
  }

  async settles(state: string): Promise<JsonObject> {
    for (let tries = 0; tries < 300; tries += 1) {
      const status = await this.call('status');
      if (status['state'] === state) return status;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`wanted state ${state}, got ${JSON.stringify(await this.call('status'))}`);
  }

  async end(): Promise<void> {
    await this.agent.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
