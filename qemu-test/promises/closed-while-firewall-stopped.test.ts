// `service firewall stop` deletes every table, ours too. Ours comes back by itself; until then what the policy does not
// grant can pass for as long as it takes to see it: measured here from the WAN, with a flow that nobody granted.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mark } from '../evidence/recorder.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { wanAddress } from '../topology/router.ts';
import { probe } from '../topology/unruly.ts';
import { isTunnelData, watch } from '../topology/witness.ts';

/** A gap is told to a millisecond. */
const perSecond = 1000;
const watchS = 8;
/** The probe takes half of the emulated router's time. */
const maxOpenMs = 1500;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  await mesh.setPolicy([{ from: ['member:r2'], to: ['192.168.1.0/24'], protocols: ['icmp'] }]);
  const epoch = await mesh.release();
  await Promise.all(['r1', 'r2'].map((name) => mesh.router(name).reaches('enforced', epoch)));
});
afterAll(() => mesh.stop());

/** Milliseconds from the first to the last that r1 sealed of what its host was not granted; `act` ran in the middle. */
async function leakMs(act: () => Promise<unknown>): Promise<number> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const { packets, stop } = watch(mesh.hub);
  const probing = probe(r1, r2.hostAddress, perSecond, watchS);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const before = performance.now();
  mark('done', before);
  await act();
  const really = await probing;
  stop();
  expect(really, 'probes a second').toBeGreaterThan(perSecond * 0.9);
  const leaked = packets.filter((packet) => isTunnelData(packet) && packet.from === wanAddress(1));
  expect(leaked.filter(({ atMs }) => atMs < before).length, 'leaked before anything was done').toBe(0);
  expect(leaked.length, 'probes that passed: without any, nothing was probed').toBeGreaterThan(0);
  return (leaked.at(-1)?.atMs ?? 0) - (leaked[0]?.atMs ?? 0);
}

test('the witness sees a leak: with the agent stopped, a flush lets the flow out', async () => {
  const r1 = mesh.router('r1');
  const pid = await r1.daemonPid();
  expect(await leakMs(() => r1.guest.run(`kill -STOP ${pid}; nft flush ruleset`))).toBeGreaterThan(1000);
  await r1.guest.run(`kill -CONT ${pid}; /etc/init.d/firewall start`);
  await r1.until(({ state }) => state === 'enforced', 'state enforced');
  await r1.guest.run('until nft list tables | grep -q rustynet; do sleep 0.2; done');
});

test.each(['/etc/init.d/firewall stop', 'nft flush ruleset'])(
  'after "%s" our table is back by itself, and what is granted passes on',
  async (command) => {
    const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
    const ms = await leakMs(() => r1.guest.run(command));
    console.warn(`${command}: open for ${ms.toFixed(0)} ms (${perSecond} probes a second)`);
    expect(ms).toBeLessThan(maxOpenMs);
    expect(await r1.guest.run('nft list tables')).toContain('inet rustynet');
    await r1.reaches('enforced');
    await r2.contacts(r1.hostAddress);
    await r1.guest.run('/etc/init.d/firewall start');
  },
);

test('a reload and a restart of the firewall leave our table as it is, and a granted flow with it', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const handle = async (): Promise<string> => r1.guest.run('nft -a list tables | grep rustynet');
  const before = await handle();
  const flow = r2.hostPings(r1.hostAddress, 500, 50);
  await r1.guest.run('fw4 reload; /etc/init.d/firewall reload; fw4 restart');
  expect(await flow).toEqual({ sent: 500, received: 500 });
  expect(await handle()).toBe(before);
});
