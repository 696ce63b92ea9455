// With an exit chosen and everything sending all the time, 50 maps change what is granted and who is a member, and the
// tunnel is torn down 20 times in between: not one packet leaves in the clear, and afterwards the exit carries again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomBytes } from 'node:crypto';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { carriesAgain, formExit, web } from '../topology/exit.ts';
import { pause, startLeaking, watchLeaks } from '../topology/leak.ts';
import { openRules, type Mesh } from '../topology/mesh.ts';

const [maps, drops] = [50, 20];

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formExit();
});
afterAll(() => mesh.stop());

/** Each map is another one for r1: a member comes or goes, or the exit passes more or less. */
async function change(map: number): Promise<void> {
  if (map % 3 === 0) {
    const exits = [
      { from: ['member:r1'], via: ['member:r2'], protocols: map % 2 === 0 ? ['any'] : ['tcp:80', 'icmp'] },
    ];
    return mesh.setPolicy(openRules(mesh.routers.values()), exits);
  }
  if (map % 3 === 1) {
    const identity = Buffer.from(ed25519.getPublicKey(randomBytes(32))).toString('hex');
    const wireGuard = Buffer.from(x25519.getPublicKey(randomBytes(32))).toString('base64');
    await mesh.operator('member', 'add', `ghost-${map}`, '--identity', identity, '--wireguard', wireGuard);
  } else await mesh.operator('member', 'remove', `ghost-${map - 1}`);
}

const teardowns = [
  'ip link del rn0',
  'ifdown rn0; ifup rn0',
  'nft flush ruleset; /etc/init.d/firewall start',
  'ip link set rn0 down',
];

test('50 maps and 20 torn tunnels under full traffic: nothing in the clear', async () => {
  const r1 = mesh.router('r1');
  await startLeaking(r1);
  await r1.guest.run(
    `setsid ip netns exec host sh -c 'while :; do wget -q -O /dev/null http://${web}/1mb; sleep 0.1; done' >/dev/null 2>&1 </dev/null &`,
  );
  let torn = 0;
  const { leaks, sealed } = await watchLeaks(mesh, r1, async () => {
    for (let map = 1; map <= maps; map += 1) {
      await change(map);
      await mesh.release();
      if (Math.floor((map * drops) / maps) === torn) continue;
      await r1.guest.run(`${teardowns[torn % teardowns.length] ?? ''}; true`);
      torn += 1;
    }
    await r1.reaches('enforced', mesh.signedEpoch(), 120_000);
    await carriesAgain(mesh);
    await pause(2);
  });
  console.warn(`${maps} maps, ${torn} teardowns: ${sealed} sealed packets, ${leaks.length} in the clear`);
  expect(torn).toBe(drops);
  expect(leaks).toEqual([]);
  expect(sealed).toBeGreaterThan(1000);
}, 600_000);
