import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pbkdf2Sync } from 'node:crypto';
import { join } from 'node:path';
import type { BrokerSettings } from '../../src/control/ports.ts';
import { mosquittoPassword } from '../../src/operator/broker-config.ts';
import type { NetworkId } from '../../src/trust/types.ts';
import { connected, kept, pause, soon, watched, type Watched } from '../drivers/brokers.ts';
import {
  makeCertificates,
  removeFolder,
  run,
  startMosquitto,
  startWire,
  temporaryFolder,
  type Certificates,
  type Mosquitto,
} from './mosquitto.ts';

const network = '00112233445566778899aabbccddeeff' as NetworkId;
const base = `rustynet/1/${network}`;
const me = 'aa'.repeat(16);
const other = 'bb'.repeat(16);
const users = [
  { name: 'router', password: 'router secret', role: 'router' },
  { name: 'operator', password: 'operator secret', role: 'operator' },
] as const;

let certificates: Certificates;
let broker: Mosquitto;
beforeAll(async () => {
  certificates = makeCertificates(temporaryFolder());
  const { folder } = certificates;
  const tls = { caFile: join(folder, 'ca.pem'), ...certificates.issue('localhost', 'DNS:localhost,IP:127.0.0.1') };
  broker = await startMosquitto(folder, { network, tls, users, persistenceFolder: join(folder, 'data') });
});
afterAll(async () => {
  await broker.stop();
  removeFolder(certificates.folder);
});

type Role = (typeof users)[number]['name'];
function join5(name: Role, more: Partial<BrokerSettings> = {}): Watched {
  return watched({
    url: `mqtts://localhost:${broker.port}`,
    clientId: name === 'router' ? me : 'the-operator',
    username: name,
    password: `${name} secret`,
    ca: certificates.ca,
    maxMessageBytes: 600_000,
    ...more,
  });
}
async function joined(name: Role, more: Partial<BrokerSettings> = {}): Promise<Watched> {
  const member = join5(name, more);
  await connected(member);
  return member;
}
function publish({ broker: port }: Watched, topic: string, text: string): void {
  port.publish({ topic, payload: Buffer.from(text) });
}

describe('messages through mosquitto, over TLS and MQTT 5', () => {
  it('reach a router that subscribes later, and cleared ones do not', async () => {
    const operator = await joined('operator');
    publish(operator, `${base}/map`, 'the map');
    publish(operator, `${base}/part/${'0'.repeat(64)}`, 'x'.repeat(512 * 1024));
    publish(operator, `${base}/root/1`, 'gone');
    publish(operator, `${base}/root/1`, '');
    publish(operator, `${base}/root/2`, 'the root');
    const router = await joined('router');
    router.broker.subscribe([`${base}/root/#`, `${base}/map`, `${base}/part/${'0'.repeat(64)}`]);
    await soon(() => expect(router.messages).toHaveLength(3));
    expect(router.messages.map(([topic, text]) => [topic.slice(base.length), text.length]).sort()).toEqual([
      ['/map', 7],
      [`/part/${'0'.repeat(64)}`, 512 * 1024],
      ['/root/2', 8],
    ]);
    expect(broker.log()).toMatch(new RegExp(`as ${me} \\(p5, c1, k60, u'router'\\)`));
  });

  it('are withheld by the broker when they are too large, without a broken connection', async () => {
    const operator = await joined('operator');
    publish(operator, `${base}/map`, 'x'.repeat(10_000));
    const router = await joined('router', { maxMessageBytes: 5_000 });
    router.broker.subscribe([`${base}/map`]);
    await pause(200);
    publish(operator, `${base}/map`, 'small');
    await soon(() => expect(router.messages).toEqual([[`${base}/map`, 'small']]));
    expect(router.states.filter((state) => state.connected)).toHaveLength(1);
  });

  it('come in full when there are more of them than mosquitto queues of its own accord', async () => {
    const operator = await joined('operator');
    const count = 1_500;
    for (let at = 0; at < count; at += 1) publish(operator, `${base}/part/${at}`, `part ${at}`);
    publish(operator, `${base}/map`, 'last');
    const reader = await joined('router', { clientId: other });
    reader.broker.subscribe([`${base}/map`]);
    await soon(() => expect(reader.messages).toEqual([[`${base}/map`, 'last']]), 20_000);
    const router = await joined('router');
    router.broker.subscribe([`${base}/part/+`]);
    await soon(
      () => expect(router.messages.filter(([, text]) => text.startsWith('part '))).toHaveLength(count),
      20_000,
    );
  });

  it('and the will of a router that is cut off, which stays, and none from one that says goodbye', async () => {
    const wire = await kept(startWire(broker.port));
    const operator = await joined('operator');
    operator.broker.subscribe([`${base}/node/+/status`]);
    const topic = `${base}/node/${me}/status`;
    const will = { topic, payload: Buffer.from('lost') };
    const router = await joined('router', { url: `mqtts://localhost:${wire.port}`, will });
    publish(router, topic, 'up');
    await soon(() => expect(operator.messages).toEqual([[topic, 'up']]));
    wire.cut();
    await soon(() => expect(operator.messages.at(-1)).toEqual([topic, 'lost']));
    const late = await joined('operator', { clientId: 'late' });
    late.broker.subscribe([topic]);
    await soon(() => expect(late.messages).toEqual([[topic, 'lost']]));
    await connected(router);
    publish(router, topic, 'stopped');
    await router.broker.close();
    await pause(100);
    expect(operator.messages.map(([, text]) => text)).toEqual(['up', 'lost', 'stopped']);
  });

  it('survive a restart of the broker, and the router comes back for more', async () => {
    const operator = await joined('operator');
    const router = await joined('router');
    router.broker.subscribe([`${base}/map`]);
    publish(operator, `${base}/map`, 'before');
    await soon(() => expect(router.messages.at(-1)?.[1]).toBe('before'));
    await broker.stop();
    await soon(() => expect(router.broker.state().connected).toBe(false));
    publish(operator, `${base}/map`, 'while the broker was away');
    await broker.start();
    await soon(() => expect(router.messages.at(-1)?.[1]).toBe('while the broker was away'));
    const late = await joined('router', { clientId: other });
    late.broker.subscribe([`${base}/root/2`]);
    await soon(() => expect(late.messages).toEqual([[`${base}/root/2`, 'the root']]));
  });
});

describe('what a router may write', () => {
  const rows: readonly [sentence: string, topic: string, written: boolean][] = [
    ['its own status', `${base}/node/${me}/status`, true],
    ['its own hint', `${base}/node/${me}/hint`, true],
    ['its own join request', `${base}/join/${me}`, true],
    ["another's status", `${base}/node/${other}/status`, false],
    ["another's hint", `${base}/node/${other}/hint`, false],
    ["another's join request", `${base}/join/${other}`, false],
    ['anything else below its own node', `${base}/node/${me}/more`, false],
    ['the map', `${base}/map`, false],
    ['a root', `${base}/root/3`, false],
    ['a part', `${base}/part/${'1'.repeat(64)}`, false],
    ['its status in another network', `rustynet/1/${other}/node/${me}/status`, false],
  ];
  it.each(rows)('%s: %s', async (_sentence, topic, written) => {
    const operator = await joined('operator');
    operator.broker.subscribe([`${base}/#`]);
    await pause(50);
    const router = await joined('router');
    publish(router, topic, `to ${topic}`);
    const last: [string, string] = [`${base}/node/${me}/hint`, `after ${topic}`];
    publish(router, ...last);
    await soon(() => expect(operator.messages).toContainEqual(last));
    const lastError = written ? undefined : 'Publish error: Not authorized';
    await soon(() => expect(router.broker.state().lastError).toBe(lastError));
    expect(operator.messages.filter(([, text]) => text === `to ${topic}`)).toEqual(
      written ? [[topic, `to ${topic}`]] : [],
    );
  });
});

describe('what a router may read', () => {
  it('is what the operator and the nodes publish, and not who wants to join', async () => {
    const operator = await joined('operator');
    const read = ['root/9', 'map', 'part/1', `node/${other}/status`, `node/${other}/hint`].sort();
    const router = await joined('router');
    router.broker.subscribe(['#']);
    await pause(50);
    router.messages.length = 0;
    for (const topic of [`join/${other}`, 'other', ...read]) publish(operator, `${base}/${topic}`, 'reading');
    await soon(() => expect(router.messages.filter(([, text]) => text === 'reading')).toHaveLength(read.length));
    await pause(50);
    const got = router.messages.filter(([, text]) => text === 'reading').map(([topic]) => topic.slice(base.length + 1));
    expect(got.sort()).toEqual(read);
  });
});

describe('who is not let in', () => {
  const refusedAs = 'Connection refused: Not authorized';
  const rows: readonly [sentence: string, more: Partial<BrokerSettings>][] = [
    ['a router with a wrong password', { password: 'router secre' }],
    ['a router with the password of another', { password: 'operator secret' }],
    ['a user that does not exist', { username: 'nobody' }],
  ];
  it.each(rows)('%s', async (_sentence, more) => {
    const router = join5('router', more);
    await soon(() => expect(router.broker.state().lastError).toBe(refusedAs));
    expect(router.states.some((state) => state.connected)).toBe(false);
  });

  it('a client without a name', async () => {
    const { port } = broker;
    const nameless = watched({ url: `mqtts://localhost:${port}`, clientId: 'x', ca: certificates.ca });
    await soon(() => expect(nameless.broker.state().lastError).toBe(refusedAs));
  });

  it('a client id that is a wildcard writes nowhere', async () => {
    const operator = await joined('operator');
    operator.broker.subscribe([`${base}/node/#`]);
    const sly = await joined('router', { clientId: '+' });
    publish(sly, `${base}/node/${me}/status`, 'sly');
    await soon(() => expect(sly.broker.state().lastError).toBe('Publish error: Not authorized'));
    expect(operator.messages.map(([, text]) => text)).not.toContain('sly');
  });
});

describe('which broker a router believes', () => {
  it('not one whose certificate another CA signed, nor, without a pin, one that no public CA did', async () => {
    const folder = temporaryFolder();
    const { ca } = makeCertificates(folder);
    removeFolder(folder);
    for (const pinned of [{ ca }, {}]) {
      const { url, ...rest } = { url: `mqtts://localhost:${broker.port}`, clientId: me, ...pinned };
      const router = watched({ url, ...rest });
      await soon(() => expect(router.broker.state().lastError).toMatch(/unable to (verify|get)|self-signed/));
      expect(router.states.some((state) => state.connected)).toBe(false);
    }
  });

  it('not one with a certificate for another name, not even where the environment switches checks off', async () => {
    const folder = temporaryFolder();
    const own = makeCertificates(folder);
    const tls = { caFile: join(folder, 'ca.pem'), ...own.issue('elsewhere', 'DNS:elsewhere.example,IP:127.0.0.2') };
    const elsewhere = await kept(startMosquitto(folder, { network, tls, users }));
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      for (const host of ['localhost', '127.0.0.1']) {
        const router = join5('router', { url: `mqtts://${host}:${elsewhere.port}`, ca: own.ca });
        await soon(() => expect(router.broker.state().lastError).toMatch(/does not match certificate's altnames/));
        expect(router.states.some((state) => state.connected)).toBe(false);
      }
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      removeFolder(folder);
    }
  });

  it('shows its own certificate to a broker that asks for one, and is refused without', async () => {
    const folder = temporaryFolder();
    const own = makeCertificates(folder);
    const tls = {
      caFile: join(folder, 'ca.pem'),
      ...own.issue('localhost', 'DNS:localhost'),
      requireCertificate: true,
    };
    const strict = await kept(startMosquitto(folder, { network, tls, users }));
    const { certFile, keyFile } = own.issue('router', 'DNS:router');
    const settings = { url: `mqtts://localhost:${strict.port}`, ca: own.ca };
    await joined('router', { ...settings, cert: own.text(certFile), key: own.text(keyFile) });
    const bare = join5('router', settings);
    await soon(() => expect(bare.broker.state().lastError).toMatch(/certificate required/));
    expect(bare.states.some((state) => state.connected)).toBe(false);
    removeFolder(folder);
  });
});

it('hashes passwords as mosquitto_passwd does', () => {
  const file = join(certificates.folder, 'made');
  run('mosquitto_passwd', ['-c', '-b', file, 'router', 'some password']);
  const [, , iterations, salt = '', hash] = certificates.text(file).trim().split('$');
  const bytes = Buffer.from(salt, 'base64');
  const again = pbkdf2Sync('some password', bytes, Number(iterations), 64, 'sha512').toString('base64');
  expect(again).toBe(hash);
  expect(mosquittoPassword('some password', bytes).split('$').slice(0, 2)).toEqual(['', '7']);
  expect(mosquittoPassword('some password', bytes).split('$')[3]).toBe(salt);
});
