/**
 * The broker as a port: one MQTT session that comes back by itself. Nothing that a broker sends is believed here; it is
 * bounded and handed on.
 * In: settings, topic filters, retained messages to publish. Out: messages on those filters, and the state.
 * Specified in MQTT 5.0 and 3.1.1 (OASIS); the URL's forms are those of BrokerSettings.
 */
import imported from 'mqtt/lib/client';
import { Backoff } from '../control/backoff.ts';
import { type Broker, type BrokerMessage, type BrokerSettings, type BrokerState, Fault } from '../control/ports.ts';
import { brokerEndpoint, BrokerStream, type Endpoint, Oversize } from './mqtt-stream.ts';

/** What mqtt/lib/client exports is CommonJS: Node and esbuild hand over its exports, others its default. */
type Client = InstanceType<typeof imported>;
const MqttClient = 'default' in imported ? (imported.default as typeof imported) : imported;

export interface BrokerOptions {
  readonly settings: BrokerSettings;
  /** A throw of it ends the connection. */
  readonly onMessage: (message: BrokerMessage) => void;
  /** Called when anything but `receivedBytes` changed. */
  readonly onState: (state: BrokerState) => void;
  /** Spreads the reconnections; numbers in [0, 1). */
  readonly random?: () => number;
  readonly stableMs?: number;
  readonly baseMs?: number;
}

const keepaliveS = 60;
const connectTimeoutMs = 30_000;
/** How long `close` waits for the broker to acknowledge what is under way. */
const farewellMs = 1_000;
/** What a PUBLISH holds beside its payload: the topic and, in MQTT 5, properties. */
const maxEnvelopeBytes = 1_024;
const maxTopicBytes = 512;
const subscribeBatch = 50;
/** "Unacceptable protocol version" of a 3.1.1 CONNACK, "Unsupported Protocol Version" of a 5.0 one. */
const refusedVersion: readonly unknown[] = [1, 132];
type Version = 4 | 5;

/** Connects, and keeps connecting until closed. Throws Fault `BROKER_URL`, `BROKER_TLS` or `BROKER_TOPIC` at once. */
export function connectBroker(options: BrokerOptions): Broker {
  return new MqttBroker(options);
}

/** Whether a topic is one that `filter` asks for (MQTT 5.0 section 4.7). */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const got = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false;
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true;
    if (at >= got.length || (level !== '+' && level !== got[at])) return false;
  }
  return wanted.length === got.length;
}

function topicFault(wanted: string, got: string): Fault {
  return new Fault('BROKER_TOPIC', 'broker', `topic: wanted ${wanted}, got ${JSON.stringify(got)}`);
}

/** An MQTT client, or a broker, answers a bad topic by breaking the connection, and so would each retry. */
function checkTopic(topic: string, wildcards: boolean): void {
  const bytes = Buffer.byteLength(topic);
  if (bytes === 0 || bytes > maxTopicBytes) throw topicFault(`1 to ${maxTopicBytes} bytes`, topic);
  if (topic.includes('\0')) throw topicFault('no NUL', topic);
  if (!wildcards && /[+#]/.test(topic)) throw topicFault('no wildcard', topic);
  const levels = topic.split('/');
  const fits = (level: string, at: number): boolean =>
    !/[+#]/.test(level) || level === '+' || (level === '#' && at === levels.length - 1);
  if (!levels.every(fits)) throw topicFault('wildcards as whole levels, # as the last', topic);
}

/** The reason in words; Node leaves the message of a failed connection to several addresses empty. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

/** The broker's own no; other errors of a request only say that the connection broke, which 'close' tells. */
function isRefusal(error: Error | null | undefined): error is Error {
  // A refused subscription has the SUBACK packet and no code.
  return error instanceof Error && ('packet' in error || ('code' in error && typeof error.code === 'number'));
}

function clientOptions(settings: BrokerSettings, version: Version, maxPacketBytes: number): object {
  const { clientId, username, password, will } = settings;
  return {
    protocolVersion: version,
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
    ...(version === 5 ? { properties: { maximumPacketSize: maxPacketBytes } } : {}),
    clean: true,
    keepalive: keepaliveS,
    connectTimeout: connectTimeoutMs,
    subscribeBatchSize: subscribeBatch,
    manualConnect: true,
    reconnectPeriod: 0,
    resubscribe: false,
    // 10 MB of private memory in exchange for a little time.
    writeCache: false,
    timerVariant: 'native',
    log: (): void => undefined,
  };
}

class MqttBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #endpoint: Endpoint;
  readonly #maxPacketBytes: number;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #filters = new Set<string>();
  /** The newest of each topic that no broker has acknowledged. */
  readonly #unsent = new Map<string, BrokerMessage>();
  #version: Version = 5;
  #retryAtOnce = false;
  #reasonKnown = false;
  #client: Client | undefined;
  #stream: BrokerStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #connected = false;
  #lastError: string | undefined;
  #dropped = 0;
  #receivedBytes = 0;
  #told = '';

  constructor(options: BrokerOptions) {
    const { settings, random, stableMs, baseMs } = options;
    if (settings.will !== undefined) checkTopic(settings.will.topic, false);
    this.#options = options;
    this.#endpoint = brokerEndpoint(settings);
    this.#maxPacketBytes = settings.maxMessageBytes + maxEnvelopeBytes;
    this.#random = random ?? Math.random;
    this.#backoff = new Backoff({
      ...(stableMs === undefined ? {} : { stableMs }),
      ...(baseMs === undefined ? {} : { baseMs }),
    });
    this.#attempt();
  }

  subscribe(topics: readonly string[]): void {
    for (const topic of topics) checkTopic(topic, true);
    const added = topics.filter((topic) => !this.#filters.has(topic));
    for (const topic of added) this.#filters.add(topic);
    this.#sendFilters(added);
  }

  unsubscribe(topics: readonly string[]): void {
    const removed = topics.filter((topic) => this.#filters.delete(topic));
    if (!this.#open || removed.length === 0) return;
    this.#client?.unsubscribe([...removed]);
  }

  publish(message: BrokerMessage): void {
    checkTopic(message.topic, false);
    this.#unsent.set(message.topic, message);
    if (this.#open) this.#send(message);
  }

  state(): BrokerState {
    return {
      connected: this.#connected,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      dropped: this.#dropped,
      receivedBytes: this.#receivedBytes,
    };
  }

  /** Says goodbye, so that the broker keeps the last will to itself. */
  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#timer);
    const client = this.#client;
    const stream = this.#stream;
    if (client === undefined || stream === undefined) return;
    const closed = new Promise((resolve) => client.once('close', () => resolve(undefined)));
    const patience = setTimeout(() => stream.destroy(), farewellMs);
    if (this.#connected) client.end(false);
    else stream.destroy();
    await closed;
    clearTimeout(patience);
  }

  /** Whether requests can be sent; after the goodbye the client takes one for an error. */
  get #open(): boolean {
    return this.#connected && this.#closing === undefined;
  }

  /** A client is used for one connection: nothing of a broken one lives on in the next. */
  #attempt(): void {
    const stream = new BrokerStream(this.#endpoint, this.#maxPacketBytes, {
      onBytes: (count) => (this.#receivedBytes += count),
      onRefused: (reason) => {
        if (reason instanceof Oversize) this.#dropped += 1;
        this.#note(reason);
      },
    });
    const options = clientOptions(this.#options.settings, this.#version, this.#maxPacketBytes);
    const client = new MqttClient(() => stream, options);
    stream.on('error', (error) => this.#note(error));
    client.on('connect', () => this.#onConnect(client));
    client.on('message', (topic, payload) => this.#onMessage(topic, payload));
    client.on('disconnect', ({ reasonCode }) => {
      this.#note(new Error(`the broker ended the session with reason ${reasonCode}`));
      stream.destroy();
    });
    client.on('error', (error) => {
      this.#onError(error);
      stream.destroy();
    });
    client.once('close', () => this.#onClose());
    this.#client = client;
    this.#stream = stream;
    this.#reasonKnown = false;
    client.connect();
  }

  #onConnect(client: Client): void {
    // The client can say this after its connection is gone.
    if (client !== this.#client) return;
    this.#connected = true;
    this.#lastError = undefined;
    this.#backoff.connected(performance.now());
    this.#sendFilters([...this.#filters]);
    for (const message of this.#unsent.values()) this.#send(message);
    this.#changed();
  }

  #onMessage(topic: string, payload: Buffer): void {
    const asked = this.#filters.has(topic) || [...this.#filters].some((filter) => matches(filter, topic));
    if (!asked || /[+#]/.test(topic)) return;
    if (payload.length > this.#options.settings.maxMessageBytes) {
      this.#dropped += 1;
      this.#changed();
      return;
    }
    // A copy: the payload is a view of what was read from the socket, and would keep all of that.
    this.#options.onMessage({ topic, payload: new Uint8Array(payload) });
  }

  #onError(error: Error): void {
    if (!this.#connected && 'code' in error && refusedVersion.includes(error.code)) {
      this.#retryAtOnce = this.#version === 5;
      this.#version = this.#version === 5 ? 4 : 5;
    }
    this.#note(error);
  }

  #onClose(): void {
    this.#client = undefined;
    this.#stream = undefined;
    this.#connected = false;
    this.#backoff.disconnected(performance.now());
    if (this.#closing === undefined) {
      if (!this.#reasonKnown) this.#lastError = 'the broker closed the connection';
      const delayMs = this.#retryAtOnce ? 0 : this.#backoff.next(this.#random);
      this.#retryAtOnce = false;
      this.#timer = setTimeout(() => this.#attempt(), delayMs);
    }
    this.#changed();
  }

  #sendFilters(filters: readonly string[]): void {
    if (!this.#open || filters.length === 0) return;
    this.#client?.subscribe([...filters], { qos: 1 }, (error) => {
      if (isRefusal(error)) this.#note(error);
    });
  }

  #send(message: BrokerMessage): void {
    const { topic, payload } = message;
    this.#client?.publish(topic, Buffer.from(payload), { qos: 1, retain: true }, (error) => {
      // A broken connection acknowledges nothing: the next one sends it again.
      if (error && !isRefusal(error)) return;
      if (this.#unsent.get(topic) === message) this.#unsent.delete(topic);
      if (error) this.#note(error);
    });
  }

  #note(error: unknown): void {
    this.#reasonKnown = true;
    this.#lastError = describe(error);
    this.#changed();
  }

  /** Tells the state, unless that was told already: the client reports most failures twice. */
  #changed(): void {
    const told = JSON.stringify([this.#connected, this.#lastError, this.#dropped]);
    if (told === this.#told) return;
    this.#told = told;
    this.#options.onState(this.state());
  }
}
