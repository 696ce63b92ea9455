/**
 * Publishing to a broker that listens on a real socket. aedes speaks 3.1.1 and refuses 5, so that the tool's second
 * attempt is on trial here, too; what mosquitto answers in MQTT 5 is on trial in publish-mosquitto.test.ts.
 */
import { Aedes, type AuthenticateError, type PublishPacket } from 'aedes';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { firstFloors } from '../../src/trust/floors.ts';
import { verifyMap } from '../../src/trust/map.ts';
import { completeMap } from '../../src/trust/parts.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { verifyPinnedRoot } from '../../src/trust/root.ts';
import { parseTopic, topics } from '../../src/trust/topics.ts';
import type { Refusal } from '../../src/trust/types.ts';
import { addArgs, call, contents, copyOf, dayS, done, file, json, nowUnixS, populated, refused } from './operator.ts';

interface Sent {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly qos: number;
}
interface TestBroker {
  readonly aedes: Aedes;
  readonly url: string;
  /** What clients sent, in the order in which it came. */
  readonly sent: Sent[];
  /** What a router that comes now would get. */
  readonly retained: Map<string, Buffer>;
  retain(topic: string, payload: string | Uint8Array): Promise<void>;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startBroker(): Promise<TestBroker> {
  const aedes = await Aedes.createBroker();
  const sent: Sent[] = [];
  const retained = new Map<string, Buffer>();
  aedes.on('publish', ({ topic, payload, retain, qos }: PublishPacket, client) => {
    if (topic.startsWith('$')) return;
    const bytes = Buffer.from(payload);
    if (client !== null) sent.push({ topic, payload: bytes, retain, qos });
    if (retain && bytes.length > 0) retained.set(topic, bytes);
    if (retain && bytes.length === 0) retained.delete(topic);
  });
  cleanups.push(() => new Promise((resolve) => aedes.close(resolve)));
  const url = await listen((socket) => void aedes.handle(socket));
  return {
    aedes,
    url,
    sent,
    retained,
    retain: (topic, payload) =>
      new Promise((resolve, reject) => {
        const packet = { cmd: 'publish' as const, topic, payload: Buffer.from(payload), qos: 0 as const, dup: false };
        aedes.publish({ ...packet, retain: true }, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

async function signed(): Promise<string> {
  const folder = await populated();
  await done(folder, ['sign']);
  return folder;
}
function good<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) throw new Error(`${value.refused}: ${value.detail}`);
  return value;
}
const kinds = (folder: string, sent: readonly Sent[]): (string | undefined)[] =>
  sent.map(({ topic }) => parseTopic(json(folder, 'network.json').network, topic)?.kind);

describe('publish', () => {
  it('sends the root, then the parts, then the map, all retained, and a router believes them', async () => {
    const broker = await startBroker();
    const folder = await signed();
    const { network, rootDigest } = json(folder, 'network.json');
    await done(folder, ['publish', '--broker', broker.url]);
    expect(kinds(folder, broker.sent)).toEqual(['root', 'part', 'part', 'part', 'map']);
    expect(broker.sent.every(({ retain, qos }) => retain && qos === 1)).toBe(true);
    const bytes = (topic: string): Uint8Array => broker.retained.get(topic) ?? new Uint8Array();
    const root = good(verifyPinnedRoot(bytes(topics.root(network, 1)), rootDigest, network));
    const manifest = good(verifyMap(bytes(topics.map(network)), root, firstFloors(root, 0), nowUnixS));
    const map = good(completeMap(manifest, (digest) => broker.retained.get(topics.part(network, digest))));
    expect(map.members.map(({ name }) => name)).toEqual(['home', 'laptop', 'office']);
  });

  it('sends nothing again that is there', async () => {
    const broker = await startBroker();
    const folder = await signed();
    await done(folder, ['publish', '--broker', broker.url]);
    broker.sent.splice(0);
    expect(await done(folder, ['publish', '--broker', broker.url])).toMatchObject({ published: [], unchanged: 5 });
    expect(broker.sent).toEqual([]);
  });

  it('after a change sends one part and the map, then clears the old part and nothing else', async () => {
    const broker = await startBroker();
    const folder = await signed();
    const { network } = json(folder, 'network.json');
    const status = topics.status(network, 'ab'.repeat(16) as Parameters<typeof topics.status>[1]);
    const kept = [status, `rustynet/1/${'cd'.repeat(16)}/part/${'ab'.repeat(32)}`];
    for (const topic of kept) await broker.retain(topic, 'kept');
    await broker.retain(`rustynet/1/${network}/part/rubbish/deep`, 'rubbish');
    await done(folder, ['publish', '--broker', broker.url]);
    await done(folder, addArgs('phone'));
    await done(folder, ['sign']);
    broker.sent.splice(0);
    const { cleared } = await done(folder, ['publish', '--broker', broker.url]);
    expect(kinds(folder, broker.sent)).toEqual(['part', 'map', 'part']);
    expect(broker.sent.map(({ payload }) => payload.length > 0)).toEqual([true, true, false]);
    expect(cleared).toEqual([broker.sent[2]?.topic]);
    const parts = Object.keys(contents(folder)).flatMap((name) => /^signed\/parts\/(.*)$/.exec(name)?.[1] ?? []);
    const wanted = [
      topics.root(network, 1),
      topics.map(network),
      ...parts.map((digest) => `rustynet/1/${network}/part/${digest}`),
    ];
    expect([...broker.retained.keys()].sort()).toEqual([...kept, ...wanted].sort());
  });

  it('replaces what somebody else left in the place of a part or of the map', async () => {
    const broker = await startBroker();
    const folder = await signed();
    const { network } = json(folder, 'network.json');
    await done(folder, ['publish', '--broker', broker.url]);
    const part = [...broker.retained.keys()].find((topic) => topic.includes('/part/')) ?? '';
    await broker.retain(part, 'rubbish');
    await broker.retain(topics.map(network), 'rubbish');
    const { published } = await done(folder, ['publish', '--broker', broker.url]);
    expect(published).toEqual([part, topics.map(network)]);
    expect(broker.retained.get(topics.map(network))).toEqual(readFileSync(join(folder, 'signed/map.json')));
  });

  it('logs in with what it is given', async () => {
    const broker = await startBroker();
    const logins: string[] = [];
    broker.aedes.authenticate = (_client, user, password, done) => {
      logins.push(`${user} ${String(password)}`);
      done(null, true);
    };
    const login = ['--user', 'operator', '--password-file', file('s3cret\n')];
    await done(await signed(), ['publish', '--broker', broker.url, ...login]);
    expect(logins).toEqual(['operator s3cret']);
  });
});

describe('publish refuses', () => {
  it('a folder without a signed map, and a map that has expired', async () => {
    const broker = await startBroker();
    const argv = ['publish', '--broker', broker.url];
    await refused(await populated(), argv, { code: 'not-signed', message: /wanted signed\/map\.json, got none/ });
    const late = { nowUnixS: nowUnixS + 15 * dayS };
    await refused(await signed(), argv, { code: 'expired', message: /wanted a map that lasts beyond/ }, late);
    expect(broker.sent).toEqual([]);
  });

  it('to put another root in the place of one at the broker that its owner signed, too', async () => {
    const broker = await startBroker();
    const argv = ['publish', '--broker', broker.url];
    const [mine, theirs] = await signed().then((folder) => [folder, copyOf(folder)] as const);
    await done(theirs, ['root', 'renew', '--root-lifetime', '400d']);
    await done(theirs, argv);
    broker.sent.splice(0);
    const older = { code: 'rollback', message: /wanted the newest root in this folder, got 2 at the broker/ };
    await refused(mine, argv, older);
    await done(mine, ['root', 'renew', '--root-lifetime', '500d']);
    const wanted = {
      code: 'fork',
      message: /wanted root [0-9a-f]{64} as version 2, as at the broker, got [0-9a-f]{64}/,
    };
    await refused(mine, argv, wanted);
    expect(broker.sent).toEqual([]);
  });

  it('a broker that is down, that wants another login, or that forbids reading', async () => {
    const folder = await signed();
    const closed = await listen((socket) => socket.destroy());
    const message = /wanted a connection to mqtt:.*, got: the broker closed the connection/;
    await refused(folder, ['publish', '--broker', closed], { code: 'broker-down', message });
    const down = ['publish', '--broker', 'mqtt://127.0.0.1:1'];
    await refused(folder, down, { code: 'broker-down', message: /got: connect ECONNREFUSED/ });
    const broker = await startBroker();
    broker.aedes.authenticate = (_client, _user, _password, answer) => {
      answer(Object.assign(new Error('no'), { returnCode: 5 }) as AuthenticateError, false);
    };
    const argv = ['publish', '--broker', broker.url, '--user', 'mallory'];
    const refusal = { code: 'broker-refused', message: /wanted to log in at .* as mallory, got: .*Not authorized/ };
    await refused(folder, argv, refusal);
    broker.aedes.authenticate = (_client, _user, _password, answer) => answer(null, true);
    broker.aedes.authorizeSubscribe = (_client, _subscription, answer) => answer(null, null);
    await refused(folder, argv, { code: 'broker-refused', message: /wanted to read rustynet\/1\/.*, got: / });
    expect(broker.sent).toEqual([]);
  });

  it('to send the map when a part of it was not taken', async () => {
    const broker = await startBroker();
    const folder = await signed();
    broker.aedes.authorizePublish = (_client, { topic }, answer) => {
      answer(topic.includes('/part/') ? new Error('no parts') : null);
    };
    const message = /wanted the connection to .* to last, got: the broker closed the connection/;
    await refused(folder, ['publish', '--broker', broker.url], { code: 'broker-lost', message });
    expect(new Set(kinds(folder, broker.sent))).toEqual(new Set(['root']));
  });

  it('to wait longer than 15 s for a broker that says nothing, or that takes messages and keeps none', async () => {
    const silent = await listen(() => undefined);
    const forgetful = await startBroker();
    forgetful.aedes.authorizePublish = (_client, packet, answer) => {
      packet.retain = false;
      answer(null);
    };
    const startedMs = performance.now();
    const timed = async (url: string): Promise<object> => {
      const { stderr, code } = await call(await signed(), ['publish', '--broker', url]);
      return { stderr, code, late: performance.now() - startedMs > 25_000 };
    };
    expect(await Promise.all([timed(silent), timed(forgetful.url)])).toEqual([
      { stderr: expect.stringMatching(/wanted a connection to mqtt:.*, got: connack timeout/), code: 1, late: false },
      { stderr: expect.stringMatching(/wanted to read back from the broker what was published/), code: 1, late: false },
    ]);
  });
});
