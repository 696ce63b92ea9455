// Bits of the packet mark that mwan3 (0x3f00), pbr and Tailscale (0xff0000) use pass through our table as they came, and
// our bit is on granted packets of the mesh and on no other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { brokerAddress } from '../topology/broker.ts';
import type { Router } from '../topology/router.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

const theirs = 0x003f3f00;
const ours = 0x08000000;

/** A table of another program: marks before our chains, and counts behind all of them by mark. */
const witness = `
table inet witness {
  chain before_forward { type filter hook prerouting priority mangle; iifname "br-lan" icmp type echo-request meta mark set ${theirs}; }
  chain before_output { type route hook output priority mangle; icmp type echo-request meta mark set ${theirs}; }
  chain behind {
    type filter hook postrouting priority 300;
    icmp type echo-request oifname "rn0" meta mark MARKED counter name "mesh"
    icmp type echo-request oifname "rn0" meta mark != MARKED counter name "mesh_other"
    icmp type echo-request oifname "eth0" meta mark ${theirs} counter name "plain"
    icmp type echo-request oifname "eth0" meta mark != ${theirs} counter name "plain_other"
  }
  counter mesh {}
  counter mesh_other {}
  counter plain {}
  counter plain_other {}
}
`;

async function countFor({ guest }: Router, ourMark: number): Promise<(name: string) => Promise<number>> {
  const text = witness.replaceAll('MARKED', String(theirs | ourMark));
  await guest.run(`nft delete table inet witness 2>/dev/null; nft -f - <<'X'\n${text}\nX`);
  return async (name) => Number(/packets (\d+)/.exec(await guest.run(`nft list counter inet witness ${name}`))?.[1]);
}

async function expectKept(r1: Router, target: Router, ourMark: number): Promise<void> {
  const count = await countFor(r1, ourMark);
  expect(await r1.hostPings(target.hostAddress, 5)).toEqual({ sent: 5, received: 5 });
  const local = await r1.pings('', target.hostAddress, 5, 5);
  expect(local).toEqual({ sent: 5, received: 5 });
  expect(await r1.hostPings(brokerAddress, 5)).toEqual({ sent: 5, received: 5 });
  expect(await r1.pings('', brokerAddress, 5, 5)).toEqual({ sent: 5, received: 5 });
  expect(await count('mesh'), 'of the mesh, with their bits and ours').toBe(10);
  expect(await count('mesh_other'), 'of the mesh, with other bits').toBe(0);
  expect(await count('plain'), 'of the WAN, with their bits alone').toBe(10);
  expect(await count('plain_other'), 'of the WAN, with other bits').toBe(0);
}

test('forwarded and local packets keep the bits, granted ones have ours too, those of the WAN do not', async () => {
  await expectKept(mesh.router('r1'), mesh.router('r2'), ours);
});

test('with another bit in its settings the same holds for that bit', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('uci set rustynet.main.mark=0x20000000; uci commit rustynet; reload_config');
  await r1.until(() => true, 'a daemon');
  const end = Date.now() + 30_000;
  const ruleset = (): Promise<string> => r1.guest.run('nft list table inet fw4');
  while (!(await ruleset()).includes('0x20000000') && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await ruleset()).not.toContain('meta mark & 0x08000000');
  await r1.reaches('enforced');
  await expectKept(r1, mesh.router('r2'), 0x20000000);
});
