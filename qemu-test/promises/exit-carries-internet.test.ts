// A router that chose an exit sends all its internet through it, of both families, and nothing beside it; the exit lets
// pass what the map grants, not its own LAN, and leaves nothing behind when it no longer is one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchedBytes, fetches, formExit, web, web6 } from '../topology/exit.ts';
import { internet, wanAddress6 } from '../topology/internet.ts';
import { openRules, type Mesh } from '../topology/mesh.ts';
import { brokerAddress } from '../topology/broker.ts';
import { wanAddress } from '../topology/router.ts';
import { isTunnelData, sentInTheClear, watch } from '../topology/witness.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formExit();
});
afterAll(() => mesh.stop());

async function release(protocols: readonly string[], from = 'member:r1'): Promise<void> {
  const exits = [{ from: [from], via: ['member:r2'], protocols }];
  await mesh.setPolicy(openRules(mesh.routers.values()), exits);
  const epoch = await mesh.release();
  await Promise.all([...mesh.routers.values()].map((router) => router.reaches('enforced', epoch)));
}

test('a megabyte comes through the exit over IPv4 and IPv6, and r1 sends nothing of it in the clear', async () => {
  const r1 = mesh.router('r1');
  const { packets, stop } = watch(mesh.hub);
  expect(await fetchedBytes(r1, web)).toBe(1 << 20);
  expect(await fetchedBytes(r1, web6)).toBe(1 << 20);
  expect(await r1.pings('', internet.web, 3, 5), 'from the router itself').toEqual({ sent: 3, received: 3 });
  stop();
  const clear = sentInTheClear(packets, 'r1').filter(({ to }) => to !== brokerAddress);
  expect(clear).toEqual([]);
  expect(packets.filter((each) => each.port === 'r1' && isTunnelData(each)).length).toBeGreaterThan(100);
  const carried = packets.filter(({ port, to }) => port === 'r2' && to === internet.web);
  expect(new Set(carried.map(({ from }) => from))).toEqual(new Set([wanAddress(2)]));
  const carried6 = packets.filter(({ port, to }) => port === 'r2' && to === internet.web6);
  expect(new Set(carried6.map(({ from }) => from))).toEqual(new Set([wanAddress6(2)]));
}, 180_000);

test('only the granted port passes the exit, and no port when the map lets somebody else use it', async () => {
  const r1 = mesh.router('r1');
  await release(['tcp:80']);
  expect(await fetches(r1, web)).toBe(true);
  expect(await r1.hostPings(internet.web, 3)).toMatchObject({ received: 0 });
  await release(['any'], 'member:r2');
  expect(await fetches(r1, web)).toBe(false);
  expect(String((await r1.status())['problems'])).toContain(
    'exit: wanted r2 as an exit that the policy allows, got none',
  );
  await release(['any']);
  expect(await fetches(r1, web)).toBe(true);
}, 180_000);

test('the LAN behind the exit is reached only with `exit lan on`, on top of the grant', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 0 });
  await r1.guest.run('rustynet exit lan on');
  await r1.reaches('enforced');
  expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 3 });
  await r1.guest.run('rustynet exit lan off');
  await r1.reaches('enforced');
  expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 0 });
}, 120_000);

test('when the exit is one no more, nothing passes, and its rules, routes and settings are what they were before', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const residue = async (): Promise<string> =>
    r2.guest.run(
      "nft -s list ruleset | sed -E 's/ (expires|timeout) [0-9a-z]+//g'; ip rule; ip -6 rule; ip route show table all; sysctl -a 2>/dev/null | grep -E '^net.ipv[46].*(forwarding|ip_forward)'",
    );
  const before = await residue();
  expect(before).toContain('carries4');
  await r2.guest.run('rustynet exit offer off');
  await r2.reaches('enforced');
  expect(await fetches(r1, web)).toBe(false);
  const without = await residue();
  expect(without).not.toBe(before);
  await r2.guest.run('rustynet exit offer on');
  await r2.reaches('enforced');
  expect(await residue()).toBe(before);
  await r2.guest.run('rustynet exit offer off');
  await r2.reaches('enforced');
  expect(await residue()).toBe(without);
  expect(without).toMatch(/map carries4 \{\s*typeof ct original ip saddr : verdict\s*flags interval\s*\}/);
}, 180_000);
