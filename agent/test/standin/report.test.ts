/** What a router tells whoever helps, in a guest root: all of it, and of other services' secrets in the same files none. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGuestRoot, type GuestRoot } from './guest-root.ts';

const network = `config interface 'wan'
	option proto 'pppoe'
	option username 'me'
	option password 'hidden-1'

config interface 'wg9'
	option proto 'wireguard'
	option private_key 'hidden-2'

config wireguard_wg9 'other'
	option preshared_key 'hidden-3'
	option endpoint_host 'elsewhere.example'
`;

let guest: GuestRoot;
beforeAll(async () => {
  guest = await openGuestRoot({ '/etc/config/network': network });
}, 60_000);
afterAll(() => guest.close());

test('settings are in it, and neither passwords nor keys of other services', async () => {
  const { status, out } = await guest.run('/usr/lib/rustynet/report');
  expect(status).toBe(0);
  for (const part of ["network.wan.username='me'", "network.other.endpoint_host='elsewhere.example'", '== ip rule']) {
    expect(out).toContain(part);
  }
  expect(out).not.toContain('hidden');
});
