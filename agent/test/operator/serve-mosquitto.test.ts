/** The service at a real mosquitto, MQTT 5 behind the ACL that broker-config writes, in a flood that never ends. */
import { randomBytes } from 'node:crypto';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Given } from '../../src/operator/args.ts';
import { Folder } from '../../src/operator/folder.ts';
import { serve } from '../../src/operator/serve.ts';
import { topics } from '../../src/trust/topics.ts';
import type { NetworkId, NodeId } from '../../src/trust/types.ts';
import { startMosquitto, type Mosquitto } from '../system/mosquitto.ts';
import { asks } from './joiner.ts';
import { done, emptyFolder, file, json, nowUnixS, passphrase, populated } from './operator.ts';

let broker: Mosquitto;
let folder: string;
let url: string;
let networkId: NetworkId;
beforeAll(async () => {
  folder = await populated();
  await done(folder, ['sign']);
  networkId = json(folder, 'network.json').network;
  broker = await startMosquitto(emptyFolder(), {
    network: networkId,
    tls: undefined,
    users: [
      { name: 'router', password: 'router', role: 'router' },
      { name: 'operator', password: 'operator', role: 'operator' },
    ],
  });
  url = `mqtt://127.0.0.1:${broker.port}`;
});
afterAll(() => broker.stop());

const client = (clientId: string) =>
  connectAsync(url, { username: 'router', password: 'router', clientId, protocolVersion: 5 });

it('a router that asks in a flood, of which the broker drops most, is let in while it lasts', async () => {
  const [said, stop] = [[] as string[], new AbortController()];
  const say = (text: string): void => void said.push(text.trimEnd());
  const given = { broker: url, user: 'operator', 'password-file': file('operator') };
  const nobody = (): Promise<never> => Promise.reject(new Error('wanted no question'));
  const around = {
    ...{
      stdout: say,
      stderr: say,
      nowUnixS: () => nowUnixS,
      confirm: nobody,
      askSecret: nobody,
      stop: () => stop.signal,
    },
    env: { RUSTYNET_PASSPHRASE: passphrase },
  };
  const options = new Map(Object.entries(given).map(([name, value]) => [name, [value]]));
  // Slower than any flood, so that the broker's queue is full within a second.
  const pace = { lookMs: 4_000, gatherMs: 50, maxPerS: 300 };
  const ending = serve({ folder: new Folder(folder), given: new Given(options, []), around }, pace);
  await expect.poll(() => said.join(), { timeout: 15_000 }).toContain('listening');
  let [sent, isOver] = [0, false];
  const flooding = Array.from({ length: 8 }, async () => {
    const node = randomBytes(16).toString('hex') as NodeId;
    const pouring = await client(node);
    while (!isOver) {
      sent += 20;
      const all = Array.from({ length: 20 }, () =>
        pouring.publishAsync(topics.join(networkId, node), randomBytes(300), { qos: 1, retain: true }),
      );
      await Promise.all(all);
    }
    await pouring.endAsync();
  });
  await expect.poll(() => sent, { timeout: 30_000 }).toBeGreaterThan(50_000);
  const { invite } = await done(folder, ['invite', '--name', 'attic', '--ttl', '1h']);
  const { node, topic, payload } = asks(invite, 'honest');
  const honest = await client(node);
  await honest.publishAsync(topic, Buffer.from(payload), { qos: 1, retain: true });
  await expect.poll(() => said.join('\n'), { timeout: 30_000 }).toContain(`let in attic, node ${node}`);
  await expect.poll(() => said.join('\n'), { timeout: 30_000 }).toContain('published epoch 2');
  isOver = true;
  await Promise.all(flooding);
  // What it clears, the router no longer says.
  const left = await connectAsync(url, { username: 'operator', password: 'operator', protocolVersion: 5 });
  const retained: string[] = [];
  left.on('message', (each) => void retained.push(each));
  await left.subscribeAsync(topic, { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(retained).toEqual([]);
  await Promise.all([left.endAsync(), honest.endAsync()]);
  stop.abort();
  expect((await ending).value).toEqual({ ended: true });
}, 120_000);
