/** The router's names in a real dnsmasq: what it answers, when it is restarted, what is left afterwards. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NameServer } from '../../src/control/ports.ts';
import { openAsker, type Asker } from '../../src/drivers/ask.ts';
import { connectDnsmasq } from '../../src/drivers/dnsmasq.ts';
import { nothingAround, type Observed } from '../../src/plan/observed.ts';
import { nameFindings, nameProblems, planNames } from '../../src/plan/names.ts';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired, type Desired } from '../../src/policy/desired.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { home, laptop, nowUnixS } from '../trust/network.ts';
import { RealDnsmasq } from './real-dnsmasq.ts';

let dnsmasq: RealDnsmasq;
let asker: Asker;
let names: NameServer;
beforeEach(async () => {
  dnsmasq = await RealDnsmasq.start('address=/elsewhere.example/192.0.2.9');
  asker = openAsker(0);
  names = connectDnsmasq(dnsmasq.ubus, asker, dnsmasq.places);
});
afterEach(() => {
  asker.close();
  dnsmasq.end();
});

const desired = compile(believed([rule('member:laptop', 'member:home')]), laptop.id, choices);
const wider = compile(believed([rule('any', 'any')]), laptop.id, choices);

async function observe(wanted: Desired, around: Partial<Observed> = {}): Promise<Observed> {
  const resolver = await names.look(wanted.names?.own.name);
  return { atUnixS: nowUnixS, ...nothingAround, ...around, resolved: new Map(), ...(resolver && { resolver }) };
}
async function settle(wanted: Desired, around: Partial<Observed> = {}): Promise<readonly string[]> {
  const steps = planNames(wanted, await observe(wanted, around));
  for (const step of steps) await names.set(step);
  return steps.map(({ restart }) => (restart ? 'restart' : 'reload'));
}
const asks = async (name: string, type: 'A' | 'AAAA' = 'A'): Promise<unknown> => {
  const answer = await asker.ask({ address: '127.0.0.1', port: dnsmasq.port }, name, type);
  return answer?.code === 0 ? answer.addresses : answer?.code;
};

test('names are answered after one restart, a further one without, and a second look plans nothing', async () => {
  expect(await settle(desired)).toEqual(['restart']);
  expect(nameFindings(desired, await observe(desired))).toEqual([]);
  expect(await asks('home.mesh.example')).toEqual([home.addresses[0]]);
  expect(await asks('home.mesh.example', 'AAAA')).toEqual([home.addresses[1]]);
  expect(await asks('office.mesh.example')).toBe(3);
  const { pid } = dnsmasq;
  expect(await settle(wider)).toEqual(['reload']);
  expect(await asks('office.mesh.example')).toEqual(['10.77.0.2']);
  expect(await settle(wider)).toEqual([]);
  expect(dnsmasq.pid).toBe(pid);
  expect(await settle(desired)).toEqual(['reload']);
  expect(await asks('office.mesh.example')).toBe(3);
});

test('before the zone is its own, dnsmasq is not asked: it would ask a stranger', async () => {
  expect(await names.look('laptop.mesh.example')).toEqual({ isRunning: true, files: { conf: '', hosts: '' } });
  await settle(desired);
  expect((await names.look('laptop.mesh.example'))?.answer).toEqual(laptop.addresses);
});

test('what the user set stays: other names, other files', async () => {
  writeFileSync(join(dnsmasq.places.hostsFolder, 'own'), '192.168.1.9 printer.lan\n');
  await settle(desired);
  expect(await asks('elsewhere.example')).toEqual(['192.0.2.9']);
  expect(await asks('printer.lan')).toEqual(['192.168.1.9']);
});

test('closed, the zone is empty; left, nothing of it is there any more', async () => {
  await settle(desired);
  await settle(closedDesired(choices, desired.names));
  expect(await asks('home.mesh.example')).toBe(3);
  expect(await settle(closedDesired(choices))).toEqual(['restart']);
  expect(readdirSync(dnsmasq.confFolder)).toEqual([]);
  expect(readdirSync(dnsmasq.places.hostsFolder)).toEqual([]);
  // Nobody to ask: refused, where a local zone says that there is no such name.
  expect(await asks('home.mesh.example')).toBe(5);
});

test('a hosts file that someone bent is a finding, and is put right', async () => {
  await settle(desired);
  writeFileSync(join(dnsmasq.places.hostsFolder, 'rustynet'), '10.1.1.1 laptop.mesh.example\n');
  await dnsmasq.ubus.call('service', 'signal');
  await expect.poll(() => asks('laptop.mesh.example')).toEqual(['10.1.1.1']);
  expect(nameFindings(desired, await observe(desired))).toEqual([
    'hosts file of dnsmasq: wanted 4 lines, got other 0',
    'answer of dnsmasq for laptop.mesh.example: wanted 10.77.0.3 ' + `${String(laptop.addresses[1])}, got 10.1.1.1`,
  ]);
  expect(await settle(desired)).toEqual(['reload']);
  expect(nameFindings(desired, await observe(desired))).toEqual([]);
});

test('a conf file that dnsmasq was not restarted with counts as not there', async () => {
  await settle(desired);
  rmSync(dnsmasq.places.loadedPath);
  expect(await settle(desired)).toEqual(['restart']);
});

test('stopped by its user it is not started, nothing is a finding, and a problem says so', async () => {
  await settle(desired);
  dnsmasq.init('stop');
  await settle(wider);
  const observed = await observe(wider);
  expect(dnsmasq.pid).toBeUndefined();
  expect(nameFindings(wider, observed)).toEqual([]);
  expect(nameProblems(wider, observed)).toEqual([
    'names of mesh.example: wanted a dnsmasq that runs, got one that is stopped',
  ]);
  dnsmasq.init('restart');
  await expect.poll(() => asks('office.mesh.example')).toEqual(['10.77.0.2']);
});

test('a router whose dnsmasq does not serve DNS, or that has none, has no resolver here', async () => {
  const generated = join(dnsmasq.places.generatedFolder, 'dnsmasq.conf.cfg01411c');
  writeFileSync(generated, `port=0\naddn-hosts=${dnsmasq.places.hostsFolder}\nconf-dir=${dnsmasq.confFolder}\n`);
  expect(await names.look('laptop.mesh.example')).toBeUndefined();
  rmSync(generated);
  const observed = await observe(desired);
  expect(observed.resolver).toBeUndefined();
  expect(planNames(desired, observed)).toEqual([]);
  expect(nameProblems(desired, observed)).toEqual(["names of mesh.example: wanted OpenWrt's dnsmasq, got none"]);
});

test('protected, other names go to the resolvers of the map alone, and lifelines answer of their own', async () => {
  const away = await RealDnsmasq.start('address=/elsewhere.test/9.9.9.1', 'address=/www.broker.test/9.9.9.2');
  try {
    const exit = {
      ...desired,
      names: { ...desired.names, resolvers: [`127.0.0.1#${away.port}`] },
    } as unknown as Desired;
    await settle(exit, {
      lifelineHosts: [{ name: 'broker.test', addresses: ['203.0.113.9'] }],
    } as unknown as Partial<Observed>);
    expect(await asks('broker.test')).toEqual(['203.0.113.9']);
    // Asked for the family that it does not have, dnsmasq would ask upstream.
    expect(await asks('broker.test', 'AAAA')).toEqual([]);
    expect(await asks('www.broker.test')).toEqual(['9.9.9.2']);
    expect(await asks('elsewhere.test')).toEqual(['9.9.9.1']);
    expect(await asks('nobody.mesh.example')).toBe(3);
  } finally {
    away.end();
  }
});
