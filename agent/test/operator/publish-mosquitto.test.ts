/** Publishing to a real mosquitto, MQTT 5 over TLS, behind the ACL and the passwords that broker-config writes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, makeCertificates, mosquittoPath, run, startMosquitto } from '../system/mosquitto.ts';
import type { Certificates, Mosquitto } from '../system/mosquitto.ts';
import { addArgs, call, copyOf, done, emptyFolder, file, json, populated, refused } from './operator.ts';

let broker: Mosquitto;
let certificates: Certificates;
let folder = '';
let url = '';
const login = (user: string, password: string = user): string[] => [
  ...['--user', user, '--password-file', file(password)],
  ...['--ca', join(certificates.folder, 'ca.pem')],
];

beforeAll(async () => {
  folder = await populated();
  await done(folder, ['sign']);
  const brokerFolder = emptyFolder();
  certificates = makeCertificates(brokerFolder);
  broker = await startMosquitto(brokerFolder, {
    network: json(folder, 'network.json').network,
    tls: { caFile: join(brokerFolder, 'ca.pem'), ...certificates.issue('broker', 'IP:127.0.0.1') },
    users: [
      { name: 'router', password: 'router', role: 'router' },
      { name: 'operator', password: 'operator', role: 'operator' },
    ],
  });
  url = `mqtts://127.0.0.1:${broker.port}`;
});
afterAll(() => broker.stop());

describe('publish to mosquitto', () => {
  const publish = (...more: readonly string[]): string[] => ['publish', '--broker', url, ...more];

  it('is refused in the words of MQTT 5 to a user who may only read', async () => {
    const message = /wanted the broker to take rustynet\/1\/.*\/root\/1, got: .*Not authorized/;
    await refused(folder, publish(...login('router')), { code: 'broker-refused', message });
  });

  it('is refused with a wrong password, and to a tool that does not know the CA', async () => {
    const message = /wanted to log in at mqtts:.* as operator, got: .*Not authorized/;
    await refused(folder, publish(...login('operator', 'guess')), { code: 'broker-refused', message });
    const { code, stderr } = await call(folder, publish('--user', 'operator'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/certificate/) });
  });

  it('sends all at first, then nothing, then what changed, and clears what is old', async () => {
    const counts = async (): Promise<number[]> => {
      const { published, unchanged, cleared } = await done(folder, publish(...login('operator')));
      return [published.length, unchanged, cleared.length];
    };
    expect(await counts()).toEqual([5, 0, 0]);
    expect(await counts()).toEqual([0, 5, 0]);
    await done(folder, addArgs('phone'));
    await done(folder, ['sign']);
    expect(await counts()).toEqual([2, 3, 1]);
    expect(await counts()).toEqual([0, 5, 0]);
  });
});

it('a copy of the folder that has not what another published undoes none of it, and takes it over where that is lost', async () => {
  const at = ['--broker', url, ...login('operator')];
  await done(folder, ['publish', ...at]);
  const other = copyOf(folder);
  await done(folder, ['member', 'remove', 'laptop']);
  await done(folder, ['sign']);
  const { epoch } = await done(folder, ['publish', ...at]);
  await done(other, addArgs('tablet'));
  await done(other, ['sign']);
  await done(other, ['sign']);
  const { code, stdout } = await call(other, ['publish', ...at, '--json']);
  expect([code, JSON.parse(stdout).error]).toEqual([
    1,
    { code: 'fork', message: expect.stringMatching(new RegExp(`got epoch ${epoch} .*:\n  - member laptop\n`)) },
  ]);
  await done(other, ['adopt', ...at]);
  await done(other, addArgs('tablet'));
  await done(other, ['sign']);
  expect(await done(other, ['publish', ...at])).toMatchObject({ epoch: epoch + 2 });
  const { members } = await done(other, ['show']);
  expect(members.map(({ name }: { name: string }) => name)).not.toContain('laptop');
});

describe('broker-config mosquitto', () => {
  const [router, operator] = [`router=${file('one')}`, `operator=${file('two')}`];
  const args = ['broker-config', 'mosquitto', '--router', router, '--operator', operator];

  it('writes files with which mosquitto starts and lets the operator publish', async () => {
    const out = emptyFolder();
    const { files, warnings } = await done(folder, [...args, '--out', out, '--plain', '--port', '1885']);
    expect(files).toEqual(['mosquitto.conf', 'acl', 'passwords'].map((name) => join(out, name)));
    expect(warnings[0]).toContain('in the clear');
    expect(warnings[1]).toContain('without --persistence, the broker forgets');
    const texts = Object.fromEntries(
      files.map((path: string) => [path.slice(out.length + 1), readFileSync(path, 'utf8')]),
    );
    expect(texts['mosquitto.conf']).toContain(`password_file ${out}/passwords\n`);
    expect(texts['mosquitto.conf']).toContain('listener 1885\n');
    expect(texts.acl).toContain(
      `user operator\ntopic readwrite rustynet/1/${json(folder, 'network.json').network}/#\n`,
    );
    expect(texts.passwords).toMatch(/^router:\$7\$.*\noperator:\$7\$.*\n$/);
    expect(run('stat', ['-c', '%a', join(out, 'passwords')])).toBe('600\n');
  });

  const brokers: ChildProcess[] = [];
  afterAll(() => brokers.forEach((each) => each.kill()));

  /** Files for a broker that is not root, where this process is; `passwords` and what persists are that user's. */
  async function brokerOf() {
    const [out, port] = [emptyFolder(), await freePort()];
    const data = join(out, 'data');
    const write = (...more: readonly string[]) =>
      done(folder, [...args, ...more, '--out', out, '--plain', '--port', String(port), '--persistence', data]);
    const { warnings } = await write('--operator', `second=${file('three')}`);
    mkdirSync(data);
    chmodSync(out, 0o755);
    chmodSync(join(out, 'passwords'), 0o440);
    if (userInfo().uid === 0) run('chown', ['mosquitto:', join(out, 'passwords'), data]);
    const start = (): ChildProcess => {
      const started = spawn(mosquittoPath, ['-c', join(out, 'mosquitto.conf')], { stdio: 'ignore' });
      brokers.push(started);
      return started;
    };
    const publishAs = async (user: string, password: string) => {
      const own = ['--broker', `mqtt://127.0.0.1:${port}`, '--user', user, '--password-file', file(password)];
      const { code, stdout } = await call(folder, ['publish', ...own, '--json']);
      return { code, published: JSON.parse(stdout).published?.length };
    };
    return { out, warnings, write, start, publishAs };
  }
  const soon = { timeout: 20_000 };

  it('written again and given a SIGHUP, end a login and leave the others', async () => {
    const { out, warnings, write, start, publishAs } = await brokerOf();
    const toRead = expect.stringContaining(`chown mosquitto: ${out}/passwords`);
    if (userInfo().uid === 0) expect(warnings).toContainEqual(toRead);
    const owned = (): string => run('stat', ['-c', '%u %g %a', join(out, 'passwords')]);
    const before = owned();
    const mosquitto = start();
    await expect.poll(() => publishAs('second', 'three'), soon).toMatchObject({ code: 0 });
    expect((await write()).warnings).not.toContainEqual(toRead);
    expect(owned()).toBe(before);
    mosquitto.kill('SIGHUP');
    await expect.poll(() => publishAs('second', 'three'), soon).toMatchObject({ code: 1 });
    expect(await publishAs('operator', 'two')).toMatchObject({ code: 0 });
  });

  it('with --persistence, let a broker that was started again have what was published', async () => {
    const { warnings, start, publishAs } = await brokerOf();
    expect(warnings).not.toContainEqual(expect.stringContaining('--persistence'));
    const first = async (): Promise<number> => {
      let published = NaN;
      const once = async (): Promise<number> => {
        const done = await publishAs('operator', 'two');
        published = done.published;
        return done.code;
      };
      await expect.poll(once, soon).toBe(0);
      return published;
    };
    const mosquitto = start();
    expect(await first()).toBe(5);
    mosquitto.kill();
    await new Promise((resolve) => mosquitto.once('exit', resolve));
    start();
    expect(await first()).toBe(0);
  });

  const rows: readonly [sentence: string, argv: readonly string[], code: string, message: RegExp][] = [
    ['neither TLS nor the word that there shall be none', args, 'usage', /or --plain, got none/],
    ['half of TLS', [...args, '--tls-ca', '/ca.pem'], 'usage', /got some of them/],
    ['TLS and none', [...args, '--plain', '--tls-ca', '/ca.pem'], 'usage', /wanted TLS files or --plain, got both/],
    ['a user without a file', [...args, '--plain', '--router', 'x'], 'usage', /wanted USER=FILE for --router, got "x"/],
    ['a port too high', [...args, '--plain', '--port', '65536'], 'usage', /wanted a port .*, got "65536"/],
    ['a user twice', [...args, '--plain', '--router', router], 'bad-value', /wanted each user once/],
    [
      'a relative path',
      [...args, '--plain', '--folder', 'here'],
      'usage',
      /wanted an absolute .* for --folder, got "here"/,
    ],
    [
      'a relative path of TLS',
      [...args, '--tls-ca', 'ca.pem'],
      'usage',
      /wanted an absolute .* for --tls-ca, got "ca.pem"/,
    ],
  ];
  it.each(rows)('refuses %s', async (_sentence, argv, code, message) => {
    const out = ['--out', join(emptyFolder(), 'out')];
    await refused(folder, [...argv, ...out], { code, message, exit: code === 'usage' ? 2 : 1 });
  });
});
