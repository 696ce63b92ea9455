// A broker that bends, forges or floods changes nothing in the kernel: same peers, same rules, no lost packet.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { topics } from '../../agent/src/trust/topics.ts';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

const kernel = (): Promise<string> =>
  mesh
    .router('r1')
    .guest.run(
      'wg show rn0 dump | cut -f1,2,4,8; nft list table inet rustynet | grep -v expires; ip addr show rn0; ip route; ip -6 route show dev rn0',
    );

function bent(change: (payload: string) => string): Buffer {
  const envelope = JSON.parse(mesh.signedMap().toString()) as { payload: string };
  const payload = Buffer.from(change(Buffer.from(envelope.payload, 'base64').toString()));
  return Buffer.from(JSON.stringify({ ...envelope, payload: payload.toString('base64') }));
}

test('bent, truncated, empty and foreign maps are refused and counted, and the kernel does not move', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const before = await kernel();
  const flow = await Flow.start(r1, r2.hostAddress);
  const attacks: [string, Buffer][] = [
    ['too-few-signers', bent((payload) => payload.replace(/"epoch":\d+/, '"epoch":99'))],
    ['too-few-signers', bent((payload) => payload.replace(/"expires":\d+/, '"expires":4102444800'))],
    ['malformed', mesh.signedMap().subarray(0, 200)],
    ['malformed', Buffer.from('not a map')],
    ['too-large', Buffer.alloc(100_000, 0x20)],
  ];
  let wanted = 0;
  for (const [reason, bytes] of attacks) {
    await mesh.broker.say(topics.map(mesh.network), bytes);
    wanted += 1;
    const status = await r1.until(
      ({ refusals }) =>
        Object.values(refusals as Record<string, number>).reduce((sum, count) => sum + count) === wanted,
      `${wanted} refusals`,
    );
    expect(status).toMatchObject({ state: 'enforced', last_refusal: { refused: reason } });
  }
  await mesh.broker.say(topics.map(mesh.network), Buffer.alloc(0));
  for (let round = 0; round < 50; round += 1) {
    await mesh.broker.say(topics.root(mesh.network, 2), Buffer.from(`garbage ${round}`));
  }
  await r1.until(({ refusals }) => (refusals as { malformed: number }).malformed > 2, 'refused roots');
  expect(await kernel()).toBe(before);
  const { sent, received } = await flow.stop();
  expect(sent).toBeGreaterThan(300);
  expect(received).toBe(sent);
});

test('the true map is taken again afterwards', async () => {
  const epoch = await mesh.release();
  await mesh.router('r1').reaches('enforced', epoch);
});
