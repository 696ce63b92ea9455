// The lab has an internet: without it a leak could not be seen, and every promise that nothing leaks would hold.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { internet } from './internet.ts';
import type { Mesh } from './mesh.ts';
import { formMesh } from './saved.ts';
import { wanAddress } from './router.ts';
import { sentInTheClear, watch } from './witness.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

test.each([
  ['IPv4, behind the address of its router', internet.web, wanAddress(1)],
  ['IPv6, by its own address', internet.web6, '2001:db8:21::2'],
])('a LAN host reaches a public host in the clear: %s', async (_, address, from) => {
  const { packets, stop } = watch(mesh.hub);
  expect(await mesh.router('r1').hostPings(address, 3)).toMatchObject({ received: 3 });
  stop();
  const sent = sentInTheClear(packets, 'r1').filter(({ to }) => to === address);
  expect(sent.map((packet) => packet.from)).toEqual([from, from, from]);
});

test.each([internet.web, `[${internet.web6}]`])('it fetches 1 MB from %s', async (host) => {
  const bytes = await mesh.router('r1').guest.run(`ip netns exec host wget -q -O - http://${host}/1mb | wc -c`);
  expect(bytes.trim()).toBe(String(1 << 20));
});

test.each([internet.resolver, internet.resolver6, internet.gateway])('%s answers for names', async (resolver) => {
  const { guest } = mesh.router('r1');
  const ask = (name: string): Promise<string> => guest.run(`ip netns exec host nslookup ${name} ${resolver}`);
  const answer = await ask('public.example');
  for (const address of internet.names['public.example']) expect(answer).toContain(address);
  expect(await ask('broker.example')).toContain(internet.names['broker.example'][0]);
});
