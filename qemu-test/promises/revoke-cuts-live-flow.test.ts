// A rule that is taken back ends the connections that it had let pass, within 2 s of the map's arrival, also where the
// user's own rules offload flows past the firewall's chains; what is still granted beside it loses nothing.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { mark } from '../evidence/recorder.ts';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import type { Router } from '../topology/router.ts';
import { isSealedPing, silenceOf } from '../topology/silence.ts';
import { isTunnelData, watch, type WanPacket } from '../topology/witness.ts';

const port = 7000;
/** As firewall4 renders `option flow_offloading 1`, with a count of what still meets the chain. */
const offloading = `table inet user {
  flowtable f { hook ingress priority filter; devices = { eth0, br-lan, rn0 }; }
  chain forward { type filter hook forward priority filter + 5; tcp dport ${port} counter flow add @f; }
}
`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterEach(stopStream);
afterAll(() => mesh.stop());

/** The flow that stays granted is one of pings. */
const isStream = (packet: WanPacket): boolean => isTunnelData(packet) && !isSealedPing(packet);

async function grant(protocols: readonly string[]): Promise<number> {
  await mesh.setPolicy([{ from: ['192.168.1.0/24'], to: ['192.168.2.0/24'], protocols }]);
  await mesh.operator('sign', '--yes');
  const publishedMs = performance.now();
  await mesh.publish();
  const epoch = mesh.signedEpoch();
  await Promise.all([...mesh.routers.values()].map((router) => router.logs(`enforced epoch ${epoch}: `)));
  return publishedMs;
}

/** A connection from r1's LAN host to r2's that says a few bytes 50 times a second. */
async function startStream(): Promise<void> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const within = 'ip netns exec host';
  const listening = `${within} grep -q ':${port.toString(16).toUpperCase()} .* 0A ' /proc/net/tcp /proc/net/tcp6`;
  await r2.guest.run(`tail -f /dev/null | setsid ${within} nc -l -p ${port} >/tmp/stream 2>&1 &
until ${listening}; do sleep 0.1; done`);
  // The shell's own wait: a process for each would take the router's time.
  await r1.guest.run(`mkfifo /tmp/never; setsid sh -c 'exec 3<>/tmp/never
while :; do echo 0123456789; read -t 0.02 line <&3; done | ${within} nc ${r2.hostAddress} ${port}' >/dev/null 2>&1 </dev/null &`);
  await r2.guest.run('until [ -s /tmp/stream ]; do sleep 0.1; done');
}

async function stopStream(): Promise<void> {
  for (const { guest } of mesh.routers.values()) await guest.run('killall nc tail; rm -f /tmp/stream /tmp/never; true');
}

/** How many packets of the stream met r1's forward chains in a second. */
async function metChains(r1: Router): Promise<number> {
  const count = async (): Promise<number> =>
    Number(/packets (\d+)/.exec(await r1.guest.run('nft list chain inet user forward'))?.[1]);
  const before = await count();
  await pause(1000);
  return (await count()) - before;
}

async function revoked(): Promise<number | undefined> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const kept = await Flow.start(r1, r2.hostAddress, 50);
  const { packets, stop } = watch(mesh.hub);
  await pause(2000);
  const publishedMs = await grant(['icmp']);
  mark('published', publishedMs);
  await pause(3000);
  stop();
  const { sent, lost } = await kept.stop();
  expect(sent, 'of the flow that stays granted').toBeGreaterThan(100);
  expect(lost, 'of the flow that stays granted').toEqual([]);
  const size = Number(await r2.guest.run('wc -c </tmp/stream'));
  await pause(500);
  expect(Number(await r2.guest.run('wc -c </tmp/stream')), 'what still arrives').toBe(size);
  const { before, tookMs } = silenceOf(packets, publishedMs, r1.index, isStream);
  console.warn(`the connection stopped ${tookMs?.toFixed(0)} ms after the map's first frame`);
  expect(before, 'sealed before').toBeGreaterThan(20);
  return tookMs;
}

test('a live connection stops within 2 s of the map, and the flow beside it goes on', async () => {
  await grant(['icmp', `tcp:${port}`]);
  await startStream();
  expect(await revoked()).toBeLessThan(2000);
});

test('the same where flows are offloaded', async () => {
  const r1 = mesh.router('r1');
  await grant(['icmp', `tcp:${port}`]);
  await r1.guest.run('nft -f -', { input: offloading });
  await startStream();
  expect(await metChains(r1), 'a granted flow stays in sight').toBeGreaterThan(10);
  expect(await revoked()).toBeLessThan(2000);
});

test('without the rules that keep granted flows in sight, offloading does take them past the chains', async () => {
  const r1 = mesh.router('r1');
  await grant(['icmp', `tcp:${port}`]);
  await r1.guest.run(`kill -STOP ${await r1.daemonPid()}
nft -a list chain inet rustynet forward | sed -n 's/.*flow add @kept # handle \\(.*\\)/\\1/p' >/tmp/handles
[ $(wc -l </tmp/handles) = 2 ]
while read -r handle; do nft delete rule inet rustynet forward handle $handle; done </tmp/handles`);
  await startStream();
  await pause(1000);
  const { packets, stop } = watch(mesh.hub);
  expect(await metChains(r1)).toBeLessThan(3);
  stop();
  expect(packets.filter(isStream).length, 'and it goes on').toBeGreaterThan(20);
});
