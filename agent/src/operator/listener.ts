/**
 * A connection to the broker that listens to one filter and comes back by itself. In: a login, who is told. Out: each
 * message, one at a time: the next is read when the last was dealt with and its turn has come, so that a flood waits at the
 * broker, which bounds what it queues, and costs here neither memory nor more than its share of time.
 */
import { connect, type MqttClient } from 'mqtt';
import type { InviteBroker } from '../trust/invite.ts';
import { describe, optionsOf, type Version } from './broker-session.ts';

export interface Listening {
  readonly filter: string;
  /** What is larger is not sent, by brokers of MQTT 5. */
  readonly maxBytes: number;
  readonly maxPerS: number;
  /** Must not reject. */
  readonly onMessage: (topic: string, payload: Uint8Array) => Promise<void>;
  readonly onUp: () => void;
  readonly onDown: (reason: string) => void;
}

const comeBackMs = 2_000;
/** Topic, properties and header. */
const maxEnvelopeBytes = 1_024;
/** Messages that may come at once before the rest waits. */
const burst = 50;
/** For what is under way at the end. */
const farewellMs = 1_000;

export class Listener {
  readonly #client: MqttClient;
  readonly #listening: Listening;
  #freeAtMs = 0;
  #reason = 'the broker closed the connection';
  #isUp = false;

  constructor(login: InviteBroker, version: Version, listening: Listening) {
    this.#listening = listening;
    const maximumPacketSize = listening.maxBytes + maxEnvelopeBytes;
    this.#client = connect(login.url, {
      ...optionsOf(login, version),
      reconnectPeriod: comeBackMs,
      resubscribe: false,
      ...(version === 5 ? { properties: { maximumPacketSize } } : {}),
    });
    this.#client.handleMessage = (packet, callback) => {
      const { topic = '', payload = '' } = packet as { topic?: string; payload?: string | Buffer };
      void this.#take(topic, Buffer.from(payload)).then(() => callback());
    };
    this.#client.on('connect', () => this.#up());
    this.#client.on('error', (error) => (this.#reason = describe(error)));
    this.#client.on('close', () => this.#down());
  }

  async #take(topic: string, payload: Uint8Array): Promise<void> {
    const nowMs = performance.now();
    const eachMs = 1000 / this.#listening.maxPerS;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - burst * eachMs) + eachMs;
    await this.#listening.onMessage(topic, payload);
    const waitMs = this.#freeAtMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }

  #up(): void {
    this.#isUp = true;
    this.#ask();
    this.#listening.onUp();
  }

  #down(): void {
    if (this.#isUp) this.#listening.onDown(this.#reason);
    this.#isUp = false;
  }

  #ask(): void {
    this.#client.subscribe(this.#listening.filter, { qos: 1, nl: true, rh: 0 }, (error) => {
      if (error) this.#reason = describe(error);
    });
  }

  /** All that is retained comes once more, and before anything else: what a flood has queued at the broker is given up. */
  again(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#client.stream.destroy();
  }

  /** Resolves when it was handed on; what cannot be handed on is not kept. */
  async clear(topic: string): Promise<void> {
    if (!this.#client.connected) return;
    await this.#client.publishAsync(topic, '', { qos: 0, retain: true }).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#client.removeAllListeners('close');
    await Promise.race([this.#client.endAsync(), new Promise((resolve) => setTimeout(resolve, farewellMs).unref())]);
    this.#client.end(true);
  }
}
