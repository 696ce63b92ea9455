/**
 * Brokers for the tests of the MQTT driver: aedes, which speaks 3.1.1 and refuses 5, and one that sends any bytes.
 */
import { Aedes, type PublishPacket } from 'aedes';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, vi } from 'vitest';
import { connectBroker, type BrokerOptions } from '../../src/drivers/mqtt.ts';
import type { Broker, BrokerMessage, BrokerSettings, BrokerState } from '../../src/control/ports.ts';

interface Listening {
  readonly port: number;
  readonly url: string;
  /** When each connection came, in monotonic milliseconds. */
  readonly connectionsAtMs: number[];
  /** Ends all connections without a word of MQTT. */
  cut(): void;
  stop(): Promise<void>;
}

async function listen(port: number, onSocket: (socket: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const connectionsAtMs: number[] = [];
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    connectionsAtMs.push(performance.now());
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  const got = (server.address() as AddressInfo).port;
  return {
    port: got,
    url: `mqtt://127.0.0.1:${got}`,
    connectionsAtMs,
    cut,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

export interface AedesBroker extends Listening {
  readonly aedes: Aedes;
  retain(topic: string, payload: string): Promise<void>;
  /** Everything published since the start, as topic and text. */
  readonly published: [topic: string, text: string, retained: boolean][];
}

export async function startAedes(port = 0): Promise<AedesBroker> {
  const aedes = await Aedes.createBroker({ heartbeatInterval: 3_600_000 });
  const published: [string, string, boolean][] = [];
  aedes.on('publish', ({ topic, payload, retain }: PublishPacket) => {
    if (!topic.startsWith('$')) published.push([topic, payload.toString(), retain]);
  });
  const listening = await listen(port, (socket) => void aedes.handle(socket));
  return {
    ...listening,
    aedes,
    published,
    retain: (topic, payload) =>
      new Promise((resolve, reject) =>
        aedes.publish(
          { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: true, dup: false },
          (e) => (e ? reject(e) : resolve()),
        ),
      ),
    stop: async () => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      await listening.stop();
    },
  };
}

/** `answer` gives the bytes sent back for each chunk that arrives; `version` is that of the CONNECT packet. */
export function startFake(answer: (chunk: Buffer, socket: Socket) => Uint8Array | undefined): Promise<Listening> {
  return listen(0, (socket) => {
    socket.on('data', (chunk) => {
      const bytes = answer(chunk, socket);
      if (bytes !== undefined && !socket.destroyed) socket.write(bytes);
    });
  });
}

export interface Watched {
  readonly broker: Broker;
  readonly messages: [topic: string, text: string][];
  readonly raw: BrokerMessage[];
  readonly states: BrokerState[];
}

export function watch(settings: Partial<BrokerSettings> & { url: string }, more: Partial<BrokerOptions> = {}): Watched {
  const messages: [string, string][] = [];
  const raw: BrokerMessage[] = [];
  const states: BrokerState[] = [];
  const broker = connectBroker({
    settings: { clientId: 'aa'.repeat(16), maxMessageBytes: 2_000, ...settings },
    onMessage: (message) => {
      raw.push(message);
      messages.push([message.topic, Buffer.from(message.payload).toString()]);
    },
    onState: (state) => states.push(state),
    baseMs: 20,
    ...more,
  });
  return { broker, messages, raw, states };
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function kept<Started extends { stop(): Promise<void> }>(starting: Promise<Started>): Promise<Started> {
  const started = await starting;
  cleanups.push(() => started.stop());
  return started;
}
export function watched(...args: Parameters<typeof watch>): Watched {
  const driver = watch(...args);
  cleanups.push(() => driver.broker.close());
  return driver;
}
export function soon(check: () => void, timeout = 5_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 5 });
}
export function connected({ broker }: Watched): Promise<void> {
  return soon(() => expect(broker.state().connected).toBe(true));
}
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A control packet of less than 2 MiB. */
export function packet(first: number, body: Uint8Array | readonly number[]): Buffer {
  const lengthBytes: number[] = [];
  for (let left = body.length; ; left >>= 7) {
    lengthBytes.push(left < 128 ? left : (left & 127) | 128);
    if (left < 128) break;
  }
  return Buffer.from([first, ...lengthBytes, ...body]);
}
export function publish5(topic: string, payload: string): Buffer {
  return packet(0x31, Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(`${topic}\0${payload}`)]));
}
export const connack5 = packet(0x20, [0, 0, 0]);

/** What an honest MQTT 5 broker answers to a CONNECT and to a SUBSCRIBE of one topic. */
export function answer5(chunk: Buffer): Buffer | undefined {
  if (chunk[0] === 0x10) return connack5;
  return chunk[0] === 0x82 ? packet(0x90, [...chunk.subarray(2, 4), 0, 1]) : undefined;
}
