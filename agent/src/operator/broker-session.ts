/**
 * One short session at a broker, MQTT 5 or, where the broker knows no better, 3.1.1. In: a login. Out: what is retained,
 * and messages that the broker took; it gives up when nothing moves for `patienceMs`.
 * The broker is not believed: what it says is compared, never kept.
 */
import { randomBytes } from 'node:crypto';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { InviteBroker } from '../trust/invite.ts';
import { fail, Refused } from './refused.ts';

export const patienceMs = 15_000;
/** How long the broker must be silent before what it retains counts as told: MQTT has no end mark. */
const quietMs = 400;
/** Silence is counted in these, not by the clock: where this process stood still, what came meanwhile is read first. */
const stepMs = 20;
/** "Unacceptable protocol version" of 3.1.1 and "Unsupported Protocol Version" of 5.0. */
const refusedVersion: readonly unknown[] = [1, 132];

export type Retained = ReadonlyMap<string, Uint8Array>;

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** The broker's own no: a reason code, or, of subscriptions, the whole packet. */
function isRefusal(error: unknown): boolean {
  return typeof codeOf(error) === 'number' || (error instanceof Error && 'packet' in error);
}

/** Node leaves the message of a failed connection to several addresses empty. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

export type Version = 4 | 5;

export function optionsOf({ url, user, password, ca }: InviteBroker, protocolVersion: Version): IClientOptions {
  return {
    protocolVersion,
    clientId: `rustynet-operator-${randomBytes(8).toString('hex')}`,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: patienceMs,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    // Said here because the environment can switch the check off for those who do not say it.
    ...(url.startsWith('mqtts:') ? { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) } : {}),
  };
}

/** Connects once; a broker that refuses MQTT 5 is asked again with 3.1.1. */
async function open(login: InviteBroker): Promise<{ readonly client: MqttClient; readonly version: Version }> {
  try {
    return { client: await attempt(login, 5), version: 5 };
  } catch (error) {
    if (!refusedVersion.includes(codeOf(error))) return failed(login, error);
  }
  return { client: await attempt(login, 4).catch((error: unknown) => failed(login, error)), version: 4 };
}

function failed({ url, user }: InviteBroker, error: unknown): never {
  const who = user === undefined ? '' : ` as ${user}`;
  if (typeof codeOf(error) === 'number')
    fail('broker-refused', `wanted to log in at ${url}${who}, got: ${describe(error)}`);
  fail('broker-down', `wanted a connection to ${url}, got: ${describe(error)}`);
}

function attempt(login: InviteBroker, version: Version): Promise<MqttClient> {
  const client = connect(login.url, optionsOf(login, version));
  return new Promise((resolve, reject) => {
    const end = (error: Error): void => {
      // Stays, because an error without a listener would end the process.
      client.on('error', () => undefined).end(true);
      reject(error);
    };
    const onClose = (): void => end(new Error('the broker closed the connection'));
    client.once('error', end).once('close', onClose);
    client.once('connect', () => {
      client.off('error', end).off('close', onClose);
      resolve(client);
    });
  });
}

export class BrokerSession {
  /** Of MQTT, that the broker took. */
  readonly version: Version;
  readonly #url: string;
  readonly #client: MqttClient;
  readonly #broken: Promise<never>;
  #break: (error: Refused) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(url: string, client: MqttClient, version: Version) {
    this.version = version;
    this.#url = url;
    this.#client = client;
    this.#broken = new Promise((_, reject) => {
      this.#break = reject;
    });
    this.#broken.catch(() => undefined);
    const lost = (error?: Error): void => {
      const got = error === undefined ? 'the broker closed the connection' : describe(error);
      this.#break(new Refused('broker-lost', `wanted the connection to ${url} to last, got: ${got}`));
    };
    client.on('error', lost).on('close', () => lost());
    client.on('packetreceive', () => this.#moved());
    this.#moved();
  }

  /** Throws `Refused`: broker-down, broker-refused; and everywhere broker-lost and broker-silent. */
  static async open(login: InviteBroker): Promise<BrokerSession> {
    const { client, version } = await open(login);
    return new BrokerSession(login.url, client, version);
  }

  #moved(): void {
    clearTimeout(this.#timer);
    const message = `wanted an answer of ${this.#url} within ${patienceMs} ms, got none`;
    this.#timer = setTimeout(() => this.#break(new Refused('broker-silent', message)), patienceMs);
  }

  /** Retained, QoS 1; resolves when the broker took it. No bytes clear what is there. */
  async publish(topic: string, payload: Uint8Array): Promise<void> {
    const sent = this.#client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain: true });
    await this.#orRefused(sent, `wanted the broker to take ${topic}`);
  }

  async #orRefused<Value>(asked: Promise<Value>, wanted: string): Promise<Value> {
    const refused = asked.catch((error: unknown) => {
      // Other errors of a request only say that the connection broke, which `broken` tells better.
      if (isRefusal(error)) fail('broker-refused', `${wanted}, got: ${describe(error)}`);
      return this.#broken;
    });
    return Promise.race([refused, this.#broken]);
  }

  /**
   * What is retained under the filters, asked anew; ends in silence, but not before `complete`, and after `longestMs`
   * whatever still comes. `hold` decides what is held of each message, so that a broker full of rubbish costs names alone,
   * or, where it gives none, nothing.
   */
  async retained(
    filters: readonly string[],
    hold: (topic: string, payload: Uint8Array) => Uint8Array | undefined,
    complete: (found: Retained) => boolean,
    longestMs = Number.POSITIVE_INFINITY,
  ): Promise<Retained> {
    const found = new Map<string, Uint8Array>();
    let silentMs = 0;
    const endMs = performance.now() + longestMs;
    const onMessage = (topic: string, payload: Buffer): void => {
      silentMs = 0;
      const held = payload.length === 0 ? undefined : hold(topic, payload);
      if (held === undefined) found.delete(topic);
      else found.set(topic, held);
    };
    this.#client.on('message', onMessage);
    try {
      const asked = this.#client.subscribeAsync([...filters], { qos: 1 });
      await this.#orRefused(asked, `wanted to read ${filters.join(' ')}`);
      const isOver = (): boolean => performance.now() > endMs;
      const isTold = (): boolean => (complete(found) && silentMs >= quietMs) || isOver();
      do {
        for (silentMs = 0; !isTold(); silentMs += stepMs) await this.#pause();
        if (!isOver()) await this.#answered();
      } while (!isTold());
      await this.#orRefused(this.#client.unsubscribeAsync([...filters]), 'wanted to end the reading');
    } finally {
      this.#client.off('message', onMessage);
    }
    return found;
  }

  #pause(): Promise<void> {
    return Promise.race([new Promise<void>((resolve) => setTimeout(resolve, stepMs)), this.#broken]);
  }

  /** Whatever the broker sent before it answered has come, however long the way took. */
  #answered(): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      const onPacket = ({ cmd }: { readonly cmd?: string }): void => {
        if (cmd !== 'pingresp') return;
        this.#client.off('packetreceive', onPacket);
        resolve();
      };
      this.#client.on('packetreceive', onPacket);
    });
    this.#client.sendPing();
    return Promise.race([answered, this.#broken]);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#client.removeAllListeners('close');
    await Promise.race([this.#client.endAsync(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
    this.#client.end(true);
  }
}
