// One of many simulated routers: the agent's own connection to the broker and its own checks of all that comes, with a
// store in memory and no kernel behind it. In: messages of a real broker. Out: when a map arrived here, when it was adopted,
// and the time that the checks took. Left out are the 50 ms in which an agent waits for more, flash, and its status.
import { connectBroker } from '../../agent/src/drivers/mqtt.ts';
import type { Broker, BrokerMessage } from '../../agent/src/control/ports.ts';
import { advanceMap } from '../../agent/src/trust/floors.ts';
import { maxPartBytes } from '../../agent/src/trust/limits.ts';
import { verifyMap, type VerifiedManifest } from '../../agent/src/trust/map.ts';
import { completeMap, isPart } from '../../agent/src/trust/parts.ts';
import { isRefusal } from '../../agent/src/trust/refuse.ts';
import type { VerifiedRoot } from '../../agent/src/trust/root.ts';
import { parseTopic, topics } from '../../agent/src/trust/topics.ts';
import type { Digest, Floors, PartRef, Refusal, VerifiedMap } from '../../agent/src/trust/types.ts';

/** Of the kernel's monotonic clock, which all processes share. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

export interface Login {
  readonly url: string;
  readonly ca: string;
  /** A router's node id, and its user at the broker. */
  readonly id: string;
  readonly password: string;
}
/** What a router knows of the network. */
export interface Known {
  readonly root: VerifiedRoot;
  readonly floors: Floors;
  readonly map: VerifiedMap;
  readonly parts: ReadonlyMap<Digest, Uint8Array>;
}
export interface Adoption {
  readonly epoch: number;
  readonly arrivedUs: number;
  readonly adoptedUs: number;
  readonly workUs: number;
  /** Of MQTT, since the router connected. */
  readonly receivedBytes: number;
}

export function believed<T extends object>(value: T | Refusal): T {
  if (!isRefusal(value)) return value;
  throw new Error(`fleet: wanted a map that routers believe, got ${value.refused}: ${value.detail}`);
}

export class FleetRouter {
  readonly #broker: Broker;
  readonly #root: VerifiedRoot;
  readonly #parts: Map<Digest, Uint8Array>;
  readonly #later: (work: () => void) => void;
  readonly #onAdopted: (adoption: Adoption) => void;
  #floors: Floors;
  #map: VerifiedMap;
  #bytes = new Uint8Array();
  #wanted: readonly PartRef[] = [];
  #arrivedUs = 0;
  #workUs = 0;

  /** `later` gives each router its turn for work that takes the processor. */
  constructor(login: Login, known: Known, later: (work: () => void) => void, onAdopted: (adoption: Adoption) => void) {
    this.#root = known.root;
    this.#floors = known.floors;
    this.#map = known.map;
    this.#parts = new Map(known.parts);
    this.#later = later;
    this.#onAdopted = onAdopted;
    const { url, ca, id, password } = login;
    this.#broker = connectBroker({
      settings: { url, ca, clientId: id, username: id, password, maxMessageBytes: maxPartBytes + 4096 },
      onMessage: (message) => this.#receive(message),
      onState: ({ lastError }) => {
        if (lastError !== undefined) throw new Error(`fleet: ${id}: wanted a connection that lasts, got ${lastError}`);
      },
    });
    this.#broker.subscribe([topics.map(known.map.network)]);
  }

  #receive({ topic, payload }: BrokerMessage): void {
    const meaning = parseTopic(this.#root.network, topic);
    if (meaning?.kind === 'map') {
      this.#bytes = new Uint8Array(payload);
      [this.#arrivedUs, this.#workUs] = [nowUs(), 0];
      this.#later(() => this.#work());
    }
    const part = meaning?.kind === 'part' ? this.#wanted.find((each) => isPart(each, payload)) : undefined;
    if (part === undefined) return;
    this.#parts.set(part.sha256, payload);
    this.#wanted = this.#wanted.filter((each) => each !== part);
    if (this.#wanted.length === 0) this.#later(() => this.#work());
  }

  #work(): void {
    const beganUs = nowUs();
    const manifest = believed(verifyMap(this.#bytes, this.#root, this.#floors, Math.floor(Date.now() / 1000)));
    this.#wanted = manifest.parts.filter(({ sha256 }) => !this.#parts.has(sha256));
    const isWhole = this.#wanted.length === 0;
    if (isWhole && manifest.digest !== this.#map.digest) this.#adopt(manifest);
    this.#workUs += nowUs() - beganUs;
    if (!isWhole) this.#broker.subscribe(this.#wanted.map((part) => this.#topicOf(part)));
    else this.#tell();
  }

  #adopt(manifest: VerifiedManifest): void {
    this.#map = believed(completeMap(manifest, (digest) => this.#parts.get(digest), this.#map));
    this.#floors = advanceMap(this.#floors, this.#map);
    const named = new Set(manifest.parts.map(({ sha256 }) => sha256));
    for (const digest of this.#parts.keys()) if (!named.has(digest)) this.#parts.delete(digest);
    this.#broker.unsubscribe(manifest.parts.map((part) => this.#topicOf(part)));
  }

  #topicOf({ sha256 }: PartRef): string {
    return topics.part(this.#root.network, sha256);
  }

  #tell(): void {
    const [{ epoch }, { receivedBytes }] = [this.#map, this.#broker.state()];
    this.#onAdopted({
      ...{ epoch, arrivedUs: this.#arrivedUs, adoptedUs: nowUs() },
      ...{ workUs: this.#workUs, receivedBytes },
    });
  }
}
