// What a person opens by hand on a router, on a terminal and on the record, ends by its bound and with a reboot.
// The two routers are no peers of each other by the map: r2 was removed from it.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import type { Outcome } from '../harness/guest.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { wanAddress, type Router } from '../topology/router.ts';

let mesh: Mesh;
let [r1, r2]: Router[] = [];
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await mesh.operator('member', 'remove', 'r2');
  const epoch = await mesh.release();
  await r1.reaches('enforced', epoch);
  await r2.reaches('closed');
  // The image has none: a program that gives what it starts a terminal of its own (script(1), of every Debian).
  for (const { guest } of [r1, r2]) await guest.writeFile('/usr/bin/script', readFileSync('/usr/bin/script'), 0o755);
});
afterAll(() => mesh.stop());

const both = (): readonly [Router, Router] => {
  if (r1 === undefined || r2 === undefined) throw new Error('wanted two routers, got none');
  return [r1, r2];
};
async function opening(to: Router, minutes: number): Promise<string> {
  const { wireguard_key: key } = await to.status();
  const peer = `--peer ${String(key)} --allowed-ips 192.168.${to.index}.0/24 --endpoint ${wanAddress(to.index)}:51820`;
  return `rustynet break-glass open ${peer} --minutes ${minutes} --reason 'removed by mistake, ticket 7'`;
}
/** A person who reads the word that is asked for, and types it. */
async function typed(router: Router, command: string): Promise<Outcome> {
  const { break_glass: glass } = (await router.status()) as { break_glass: { confirm: string } };
  return router.guest.exec(`echo ${glass.confirm} | script -qec "${command}" /dev/null`);
}
const audit = (router: Router): Promise<string> => router.guest.run('rustynet audit show');
const received = async (): Promise<number> => {
  const [from, to] = both();
  return (await from.hostPings(to.hostAddress, 5)).received;
};

test('closed to each other, and while UCI forbids it, nobody opens it', async () => {
  const [from, to] = both();
  expect(await received()).toBe(0);
  const command = await opening(to, 1);
  const forbidden = await typed(from, command);
  expect([forbidden.status, forbidden.stdout]).toEqual([
    1,
    expect.stringContaining('wanted rustynet.main.break_glass=1'),
  ]);
  for (const { guest } of both()) await guest.run('uci set rustynet.main.break_glass=1; uci commit rustynet');
  const { status, stderr } = await from.guest.exec(`echo r1 | ${command}`);
  expect([status, stderr]).toEqual([1, expect.stringContaining('wanted "r1" typed on a terminal, got ""')]);
  expect(await from.guest.run('wg show rn0 peers')).toBe('');
});

test('typed on a terminal of both, it opens: the kernel has the peer, traffic passes, the state says so', async () => {
  const [from, to] = both();
  const [mine, theirs] = [await opening(to, 1), await opening(from, 60)];
  for (const { status, stdout } of await Promise.all([typed(to, theirs), typed(from, mine)])) {
    expect([status, stdout]).toEqual([0, expect.stringContaining('open until ')]);
  }
  const { wireguard_key: key } = await to.status();
  expect((await from.guest.run('wg show rn0 allowed-ips')).trim()).toBe(`${String(key)}\t192.168.2.0/24`);
  await from.contacts(to.hostAddress);
  expect(await received()).toBe(5);
  const said = await from.status();
  expect(said).toMatchObject({
    state: 'break-glass',
    break_glass: { open: { reason: 'removed by mistake, ticket 7' } },
  });
  expect(Number(said['lease_s'])).toBeLessThan(60);
  const { state, why } = await to.status();
  expect([state, why]).toEqual([
    'break-glass',
    expect.stringContaining('; without it closed: this router is no member'),
  ]);
  expect((await from.guest.exec('rustynet status')).stdout).toMatch(/warning +break-glass is open for \d+ s/);
});

test('a reboot of the one with an hour left ends it there, and its log says both', async () => {
  const [, router] = both();
  await router.guest.reboot();
  const status = await router.reaches('closed', undefined, 120_000);
  expect(status).toMatchObject({ break_glass: { allowed: true, open: null } as JsonObject });
  expect((await router.guest.exec('ip link show rn0')).status).not.toBe(0);
  const log = await audit(router);
  expect(log).toMatch(/break-glass what=opened who=root on \/dev\/pts\/\d+ reason=removed by mistake, ticket 7 /);
  expect(log).toMatch(/break-glass what=ended .*why=the agent or the router was started anew/);
  expect(await router.guest.run('rustynet audit verify')).toMatch(/^whole/);
});

test('the minute of the other ends by itself: no peer, and no traffic to one that is open again', async () => {
  const [from, to] = both();
  expect(await typed(to, await opening(from, 60))).toMatchObject({ status: 0 });
  await from.reaches('enforced', mesh.signedEpoch(), 70_000);
  expect(await from.guest.run('wg show rn0 peers')).toBe('');
  expect(await to.status()).toMatchObject({ state: 'break-glass' });
  const [got, shown, verified] = await Promise.all([received(), audit(from), from.guest.run('rustynet audit verify')]);
  expect([got, verified]).toEqual([0, expect.stringMatching(/^whole/)]);
  const log = shown.split('\n').filter((line) => / break-glass(-refused)? wh(at|y)=/.test(line));
  expect(log).toEqual([
    expect.stringContaining('break-glass-refused why=wanted rustynet.main.break_glass=1'),
    expect.stringContaining('break-glass-refused why=wanted "r1" typed on a terminal, got ""'),
    expect.stringContaining('break-glass what=opened who=root on /dev/pts/'),
    expect.stringMatching(/break-glass what=expired .*why=its time is over$/),
  ]);
  const [opened = 0, expired = 0] = log.slice(-2).map((line) => Date.parse(line.split(' ')[0] ?? '') / 1000);
  expect(expired - opened).toBeGreaterThan(50);
  expect(expired - opened).toBeLessThanOrEqual(60);
});
