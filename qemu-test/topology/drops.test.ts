// The instrument first: what a router loses shows in its drops, with the place, and what it does not lose shows nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countDrops, dropsOf } from './drops.ts';
import type { Mesh } from './mesh.ts';
import { formMesh } from './saved.ts';
import type { Router } from './router.ts';

const ethernetIpUdpBytes = 42;
const sealedPingBytes = 128;

let mesh: Mesh;
let r1: Router;
let r2: Router;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  for (const router of [r1, r2]) await countDrops(router);
});
afterAll(() => mesh.stop());

test('a hundred pings and no loss: nothing', async () => {
  expect(await r1.hostPings(r2.hostAddress, 100, 20)).toEqual({ sent: 100, received: 100 });
  expect([...(await dropsOf(r1)), ...(await dropsOf(r2))]).toEqual([]);
});

test('five sealed packets sent twice: WireGuard frees the second of each', async () => {
  let copies = 0;
  const stop = mesh.hub.onFrame((port, frame) => {
    if (port !== 'r1' || frame.length !== ethernetIpUdpBytes + sealedPingBytes || copies === 5) return;
    copies += 1;
    const copy = Buffer.from(frame);
    setTimeout(() => mesh.hub.inject(copy, 'r2'), 50);
  });
  expect(await r1.hostPings(r2.hostAddress, 20, 20)).toEqual({ sent: 20, received: 20 });
  stop();
  expect(await dropsOf(r2)).toEqual(['r2: 5 packets freed in wg_packet_rx_poll, reason none']);
});

test('three pings that a rule drops: the firewall freed them', async () => {
  const drop = 'nft insert rule inet rustynet forward ip daddr 192.168.2.2 icmp type echo-request drop';
  await r2.guest.run(`kill -STOP ${await r2.daemonPid()}; ${drop}`);
  expect(await r1.hostPings(r2.hostAddress, 3, 20)).toEqual({ sent: 3, received: 0 });
  expect(await dropsOf(r2)).toContainEqual(expect.stringMatching(/^r2: 3 packets freed in nft_do_chain, reason \d+$/));
});
