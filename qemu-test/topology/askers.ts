// Clients of the broker that nobody knows: each with the login that routers have, and the client id of a node, under whose
// join topic alone the broker lets it write. In: a broker's address, requests. Out: retained messages; or a flood of them.
import { randomBytes } from 'node:crypto';
import mqtt, { type MqttClient } from 'mqtt';
import { topics } from '../../agent/src/trust/topics.ts';
import type { NetworkId, NodeId } from '../../agent/src/trust/types.ts';
import { users } from './broker.ts';

export interface Place {
  readonly url: string;
  readonly ca: string;
}

function connected({ url, ca }: Place, node: NodeId): Promise<MqttClient> {
  const { name: username, password } = users.router;
  const login = { ca, username, password, clientId: node, protocolVersion: 5 as const, reconnectPeriod: 0 };
  return mqtt.connectAsync(url, { ...login, connectTimeout: 120_000 });
}

/** What a router says, once. */
export async function say(place: Place, node: NodeId, topic: string, payload: Uint8Array): Promise<void> {
  const client = await connected(place, node);
  await client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain: true });
  await client.endAsync();
}

/** A few at a time: each login costs an emulated broker a handshake of TLS. */
export async function inTurns<Each>(
  all: readonly Each[],
  atOnce: number,
  work: (each: Each) => Promise<void>,
): Promise<void> {
  const left = [...all];
  const lane = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

export interface Flood {
  readonly sent: () => number;
  readonly stop: () => Promise<void>;
}

/** As fast as the broker takes them, from so many clients under their own topics, each time something else. */
export async function flood(
  place: Place,
  network: NetworkId,
  clients: number,
  payloadOf: (node: NodeId, count: number) => Uint8Array,
): Promise<Flood> {
  const nodes = Array.from({ length: clients }, () => randomBytes(16).toString('hex') as NodeId);
  let [count, isOver] = [0, false];
  const pour = async (node: NodeId): Promise<void> => {
    const client = await connected(place, node);
    while (!isOver) {
      const payload = Buffer.from(payloadOf(node, (count += 1)));
      await client.publishAsync(topics.join(network, node), payload, { qos: 1, retain: true });
    }
    await client.endAsync();
  };
  const all = nodes.map(pour);
  return {
    sent: () => count,
    stop: async () => {
      isOver = true;
      await Promise.all(all);
    },
  };
}
