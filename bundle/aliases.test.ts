import { build, type BuildOptions } from 'esbuild';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer5, kept, packet, publish5, startAedes, startFake } from '../agent/test/drivers/brokers.ts';
import { readVectors } from '../agent/test/trust/make-vectors.ts';
import { runVector } from '../agent/test/trust/run-vector.ts';
import { nativeCrypto, slimMqtt } from './aliases.ts';

const folder = mkdtempSync(join(tmpdir(), 'rustynet-bundle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const driver = join(import.meta.dirname, '../agent/src/drivers/mqtt.ts');
/** A router that waits for one message, says so, answers it on another topic, and leaves. */
const program = `
import { connectBroker } from ${JSON.stringify(driver)};
const broker = connectBroker({
  settings: { url: process.argv[2], clientId: 'bundled', maxMessageBytes: 200_000 },
  onState: ({ lastError }) => { if (lastError !== undefined) console.error(lastError); },
  onMessage: ({ topic, payload }) => {
    console.log(topic, payload.constructor.name, payload.length, Buffer.from(payload.subarray(0, 4)).toString());
    broker.publish({ topic: 'answer', payload });
    setTimeout(() => broker.close(), 100);
  },
});
broker.subscribe(['net/map']);
`;

function bundle(name: string, contents: string, more: BuildOptions = {}): Promise<string> {
  const outfile = join(folder, name);
  const stdin = { contents, resolveDir: import.meta.dirname };
  const common: BuildOptions = { bundle: true, minify: true, platform: 'node', target: 'node20', format: 'cjs' };
  return build({ ...common, stdin, outfile, plugins: [slimMqtt()], logLevel: 'silent', ...more }).then(() => outfile);
}

async function runBundle(file: string, argument: string): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [file, argument], { timeout: 20_000 });
}

describe('the MQTT driver as a router gets it', () => {
  let file = '';
  beforeAll(async () => {
    file = await bundle('driver.cjs', program);
  });

  it('is one file of less than 150 KB', () => {
    const bytes = statSync(file).size;
    const packed = gzipSync(readFileSync(file), { level: 9 }).length;
    console.log(`MQTT driver, minified: ${bytes} bytes, ${packed} after gzip`);
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(150_000);
  });

  it('hears and answers a broker of 3.1.1 that refuses MQTT 5', async () => {
    const broker = await kept(startAedes());
    await broker.retain('net/map', 'mesh'.repeat(40_000));
    const { stdout, stderr } = await runBundle(file, broker.url);
    expect(stdout).toBe('net/map Uint8Array 160000 mesh\n');
    expect(stderr).toBe('Connection refused: Unacceptable protocol version\n');
    expect(broker.published.at(-1)).toEqual(['answer', 'mesh'.repeat(40_000), true]);
  });

  it('joins chunks as bl does', async () => {
    const source = `const list = require('bl')();
      const said = [list.length];
      for (const chunk of ['\\x01mesh', '', 'of', '\\x02\\x03\\x04\\x05routers']) list.append(Buffer.from(chunk));
      said.push(list.length, list.readUInt8(0), list.readUInt16BE(7), list.readUInt32BE(7), list.toString('utf8', 1, 7));
      said.push(String(list.slice(4, 6)), list.consume(5).length, list.toString('utf8', 0, 2), String(list.slice(6, 99)));
      said.push(list.consume(99).length, list.append(Buffer.from('again')).length, String(list.slice(0, 5)));
      console.log(JSON.stringify(said));`;
    const [slim, whole] = [await bundle('slim-bl.cjs', source), await bundle('whole-bl.cjs', source, { plugins: [] })];
    const said = await runBundle(slim, '');
    expect(said).toEqual(await runBundle(whole, ''));
    expect(said.stdout).toBe('[0,18,1,515,33752069,"meshof","ho",13,"of","routers",0,5,"again"]\n');
    expect(statSync(slim).size).toBeLessThan(statSync(whole).size);
  });

  it('copies a packet as rfdc does', async () => {
    const packets = `[{ cmd: 'publish', topic: 'a', payload: Buffer.from('mesh'), qos: 1, retain: true, messageId: 7,
      properties: { userProperties: { list: ['b', Buffer.from('c')] }, none: null } }, 'text', null, undefined]`;
    const source = `const packets = ${packets}; const copies = packets.map((each) => require('rfdc/default')(each));
      console.log(require('node:util').inspect(copies, { depth: 9 }), copies[0] === packets[0],
        copies[0].payload.buffer === packets[0].payload.buffer && copies[0].payload.byteOffset === packets[0].payload.byteOffset);`;
    const [slim, whole] = [await bundle('slim.cjs', source), await bundle('whole.cjs', source, { plugins: [] })];
    const copied = await runBundle(slim, '');
    expect(copied).toEqual(await runBundle(whole, ''));
    expect(copied.stdout).toMatch(/<Buffer 6d 65 73 68>[^]* false false\n$/);
    expect(statSync(slim).size).toBeLessThan(statSync(whole).size);
  });

  it('hears a broker of MQTT 5 that offers topic aliases', async () => {
    const published: Buffer[] = [];
    const fake = await kept(
      startFake((chunk) => {
        if (chunk[0] === 0x10) return packet(0x20, [0, 0, 3, 0x22, 0, 10]);
        if (chunk[0] === 0x82) return Buffer.concat([answer5(chunk) ?? chunk, publish5('net/map', 'mesh')]);
        if (chunk[0] === 0x33) published.push(chunk);
        return chunk[0] === 0x33 ? packet(0x40, [0, 2]) : undefined;
      }),
    );
    const { stdout, stderr } = await runBundle(file, fake.url);
    expect([stdout, stderr]).toEqual(['net/map Uint8Array 4 mesh\n', '']);
    expect(published[0]?.toString()).toContain('answer');
  });
});

it('trusts as a router does: every vector has the same outcome by OpenSSL as by noble, word for word', async () => {
  const run = join(import.meta.dirname, '../agent/test/trust/run-vector.ts');
  const program = `import { runVector } from ${JSON.stringify(run)};
    const vectors = JSON.parse(require('node:fs').readFileSync(process.argv[2], 'utf8'));
    console.log(JSON.stringify(vectors.map(runVector)));`;
  const file = await bundle('trust.cjs', program, { plugins: [nativeCrypto()] });
  const plain = await bundle('plain-trust.cjs', program, { plugins: [] });
  const isNative = (each: string): boolean => readFileSync(each, 'utf8').includes('createPublicKey');
  expect([isNative(file), isNative(plain)]).toEqual([true, false]);
  const [vectors, path] = [readVectors(), join(folder, 'vectors.json')];
  writeFileSync(path, JSON.stringify(vectors));
  const { stdout } = await runBundle(file, path);
  expect(JSON.parse(stdout)).toEqual(vectors.map(runVector));
}, 60_000);

it('does not bundle the transports of the whole package', async () => {
  const whole = bundle('whole.cjs', `import mqtt from 'mqtt'; mqtt.connect('mqtt://a');`);
  await expect(whole).rejects.toThrow(/wanted mqtt\/lib\/client alone in the bundle, got (ws|socks) for /);
});

it('saves what it says: without it the same file is more than half as large again', async () => {
  const file = await bundle('plain.cjs', program, { plugins: [] });
  expect(statSync(file).size).toBeGreaterThan(1.5 * statSync(await bundle('slim.cjs', program)).size);
});
