/**
 * The stand-in of procd: processes that live, die and are run again.
 * In: `service set` calls as rc scripts send them. Out: processes of this machine, replies and notifications compared
 * with openwrt-25.12-procd.md.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BusClient } from '../../../qemu-test/standin/bus/client.ts';
import { serviceArguments } from '../../../qemu-test/standin/procd/script-records.ts';
import { scriptsOf } from '../../../qemu-test/standin/procd/triggers.ts';
import type { JsonTable } from '../../src/wire/blobmsg.ts';
import { openWorld, until, type World } from './world.ts';

let world: World;
let bus: BusClient;
beforeEach(async () => {
  world = await openWorld({ zsvc: "config main 'main'\n" });
  bus = await world.connect();
});
afterEach(() => world.close());

interface Shown {
  readonly running: boolean;
  readonly pid?: number;
  readonly exit_code?: number;
  readonly respawn?: JsonTable;
}

async function set(instance: JsonTable, rest: JsonTable = {}): Promise<void> {
  const { status } = await bus.call('service', 'set', { name: 'zsvc', instances: { instance1: instance }, ...rest });
  expect(status).toBe(0);
}

async function shown(): Promise<Shown | undefined> {
  const { data } = await bus.call('service', 'list', { name: 'zsvc' });
  const service = data?.['zsvc'] as { instances?: Record<string, Shown> } | undefined;
  return service?.instances?.['instance1'];
}

const sleeper = ['/bin/sh', '-c', 'sleep 600'];

function alive(pid: number | undefined): boolean {
  // A zombie counts as dead: its stat file says Z.
  return (
    pid !== undefined && existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z')
  );
}

it('a running instance is listed as recorded: keys, their order and the default respawn', async () => {
  await set({ command: sleeper, env: { FOO: 'bar' }, respawn: [], data: { a: 'b' } });
  const { pid, ...rest } = (await shown()) ?? { running: false };
  expect(alive(pid)).toBe(true);
  expect(JSON.stringify(rest)).toBe(
    JSON.stringify({
      running: true,
      command: sleeper,
      term_timeout: 5,
      env: { FOO: 'bar' },
      data: { a: 'b' },
      respawn: { threshold: 3600, timeout: 5, retry: 5 },
    }),
  );
});

it('killed by signal 9 it shows 137 and comes back with another pid after its timeout', async () => {
  await set({ command: sleeper, respawn: ['3600', '1', '5'] });
  const first = (await shown())?.pid ?? 0;
  process.kill(first, 'SIGKILL');
  await until('exit code 137', async () => (await shown())?.exit_code === 137);
  await until('another process', async () => ![undefined, first].includes((await shown())?.pid));
});

it('more crashes than retries end it for good, and it says so', async () => {
  const heard: string[] = [];
  await bus.subscribe('service', (event) => heard.push(event));
  await set({ command: ['/bin/sh', '-c', 'exit 3'], respawn: ['3600', '0', '2'] });
  await until('instance.fail', () => heard.includes('instance.fail'));
  const { running, exit_code, respawn } = (await shown()) ?? {};
  expect({ running, exit_code, respawn }).toEqual({ running: false, exit_code: 3, respawn: undefined });
  expect(heard.filter((event) => event === 'instance.start')).toHaveLength(3);
});

it('a second set with the same words leaves the process alone, another content of its file does not', async () => {
  const file = join(world.folder, 'watched');
  writeFileSync(file, 'one');
  const instance = { command: sleeper, file: [file] };
  await set(instance);
  const first = (await shown())?.pid;
  await set(instance);
  expect((await shown())?.pid).toBe(first);
  writeFileSync(file, 'two');
  await set(instance);
  await until('another process', async () => {
    const pid = (await shown())?.pid;
    return pid !== undefined && pid !== first;
  });
  expect(alive(first)).toBe(false);
});

it('after delete and set the new process waits for the end of the old one', async () => {
  const log = join(world.folder, 'log');
  const script = `trap 'sleep 0.5; echo end $$ >>${log}; exit 0' TERM; echo start $$ >>${log}; while :; do sleep 0.1; done`;
  await set({ command: ['/bin/sh', '-c', script] });
  await until('the first', () => existsSync(log));
  await bus.call('service', 'delete', { name: 'zsvc' });
  await set({ command: ['/bin/sh', '-c', script] });
  await until('the second', () => readFileSync(log, 'utf8').split('start').length === 3);
  expect(readFileSync(log, 'utf8').match(/[a-z]+/g)).toEqual(['start', 'end', 'start']);
});

it('a burst of config.change runs the reload of the service once, after a second', async () => {
  const script = '/etc/init.d/zsvc';
  const trigger = ['config.change', ['if', ['eq', 'package', 'zsvc'], ['run_script', script, 'reload']], 1000];
  await set({ command: sleeper }, { triggers: [trigger] });
  const { data } = await bus.call('service', 'list', { name: 'zsvc', verbose: true });
  expect((data?.['zsvc'] as JsonTable)['triggers']).toEqual([trigger]);
  const startMs = Date.now();
  const event = { type: 'config.change', data: { package: 'zsvc' } };
  await bus.call('service', 'event', event);
  await bus.call('service', 'event', event);
  await bus.call('service', 'event', { type: 'config.change', data: { package: 'other' } });
  const log = join(world.folder, 'rc.log');
  await until('the reload', () => existsSync(log));
  expect(Date.now() - startMs).toBeGreaterThanOrEqual(1000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(readFileSync(log, 'utf8')).toBe(`${script} reload\n`);
});

it.each([
  ['its package', { package: 'a' }, [['/x', 'reload']]],
  ['another package', { package: 'b' }, []],
])('a trigger with a condition, for %s', (_sentence, data, scripts) => {
  expect(scriptsOf(['if', ['eq', 'package', 'a'], ['run_script', '/x', 'reload']], data)).toEqual(scripts);
});

it('what an rc script says becomes the table that rc.common sends', () => {
  const words = (...fields: string[]): string => fields.map((field) => `${field}\0`).join('');
  const text =
    words('instance', '1', '') +
    words('set', '3', 'command', '/bin/a', 'b c') +
    words('set', '4', 'respawn', '3600', '5', '0') +
    words('append', '2', 'env', 'A=1=2') +
    words('set', '2', 'stdout', '1') +
    words('reload_trigger', '1', 'zsvc') +
    words('data_array', '1', 'firewall') +
    words('data_object', '1', '') +
    words('data_string', '2', 'src', 'wan') +
    words('data_close', '0') +
    words('data_close', '0') +
    words('data_string', '2', 'other', 'x');
  expect(serviceArguments('zsvc', '/etc/init.d/zsvc', text)).toEqual({
    name: 'zsvc',
    script: '/etc/init.d/zsvc',
    data: { firewall: [{ src: 'wan' }], other: 'x' },
    instances: {
      instance1: { command: ['/bin/a', 'b c'], respawn: ['3600', '5', '0'], env: { A: '1=2' }, stdout: true },
    },
    triggers: [
      ['config.change', ['if', ['eq', 'package', 'zsvc'], ['run_script', '/etc/init.d/zsvc', 'reload']], 1000],
    ],
  });
});
