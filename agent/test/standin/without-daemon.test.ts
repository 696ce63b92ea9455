/** The command line where the daemon does not answer, in a guest root with the program as it is shipped. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildRouter, routerBundle } from '../../../bundle/build.ts';
import { openGuestRoot, type GuestRoot, type Ran } from './guest-root.ts';
import { until } from './world.ts';

let guest: GuestRoot;
beforeAll(async () => {
  await buildRouter();
  guest = await openGuestRoot({ '/usr/lib/rustynet/rustynet.js': readFileSync(routerBundle, 'utf8') });
  const isThere = async (): Promise<boolean> => (await guest.run('ubus list rustynet')).status === 0;
  await until('the daemon', isThere);
  await guest.run('/etc/init.d/rustynet stop');
  await until('its end', async () => !(await isThere()));
}, 60_000);
afterAll(() => guest.close());

const rustynet = (words: string): Promise<Ran> => guest.run(`rustynet ${words}`);
const gone = 'the daemon does not answer (rustynet status: wanted status 0 OK, got 4 NOT_FOUND)';
const start = '"service rustynet start" starts it, "logread -e rustynet" says why it ended';

test('it says what to do', async () => {
  expect(await rustynet('status')).toEqual({ status: 3, out: `rustynet status: ${gone}; ${start}\n` });
});

test('for programs it is an error as ever', async () => {
  const { status, out } = await rustynet('status --json');
  expect(status).toBe(3);
  expect(JSON.parse(out)).toEqual({ error: { code: 'UBUS_NOT_FOUND', message: expect.any(String) as string } });
});

test('netcheck looks at what it can', async () => {
  await guest.run("printf '#!/bin/sh\\nexit 1\\n' >/usr/bin/wg; chmod 755 /usr/bin/wg");
  expect(await rustynet('netcheck')).toEqual({
    status: 3,
    out: `rustynet netcheck: ${gone}; ${start}
FAIL ls -d /sys/module/wireguard
FAIL wg --version
ok   nft --version
ok   /etc/init.d/rustynet enabled
`,
  });
  await guest.run(
    "mkdir -p /sys/module/wireguard; printf '#!/bin/sh\\n' >/usr/bin/wg; /etc/init.d/rustynet disable; rm /usr/sbin/nft",
  );
  expect((await rustynet('netcheck')).out).toContain(`
ok   ls -d /sys/module/wireguard
ok   wg --version
FAIL nft --version
FAIL /etc/init.d/rustynet enabled
`);
});

test('off by the settings, it says so', async () => {
  await guest.run('uci set rustynet.main.enabled=0; uci commit rustynet');
  expect((await rustynet('peers')).out).toContain('; rustynet.main.enabled is 0, which keeps it off\n');
});

test('without ubusd it waits 5 s', async () => {
  await guest.run('mv /var/run/ubus/ubus.sock /tmp/');
  const beganMs = performance.now();
  const { status, out } = await rustynet('leave');
  expect(performance.now() - beganMs).toBeLessThan(15_000);
  expect(status).toBe(3);
  expect(out).toContain('wanted a connection to ubusd within 5000 ms, got none');
});
