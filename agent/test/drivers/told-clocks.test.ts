/** Which of the NTP servers that DHCP told of are lifelines, as /etc/init.d/sysntpd takes them. */
import { expect, test } from 'vitest';
import type { JsonObject, ToldClock, Ubus } from '../../src/control/ports.ts';
import { connectLifelines } from '../../src/drivers/lifelines.ts';
import type { Ip } from '../../src/trust/types.ts';

const told = ['wan', 'wan2'].map((network, at): ToldClock => ({ network, address: `192.0.2.${at + 1}` as Ip }));

test.each<[string, JsonObject, readonly string[]]>([
  ['those of every uplink', {}, ['192.0.2.9', '192.0.2.1', '192.0.2.2']],
  ['those of the interfaces that were named', { dhcp_interface: ['wan2', 'wan3'] }, ['192.0.2.9', '192.0.2.2']],
  ['those of some named in one option', { dhcp_interface: 'wan2 wan' }, ['192.0.2.9', '192.0.2.1', '192.0.2.2']],
  ['none, where DHCP is not to be used', { use_dhcp: '0' }, ['192.0.2.9']],
  ['none, where there is no client', { enabled: '0' }, []],
  ['one that is set too, once', { server: ['192.0.2.2'] }, ['192.0.2.2', '192.0.2.1']],
  ['those that DHCP told of alone', { server: [] }, ['192.0.2.1', '192.0.2.2']],
])('%s', async (_, options, wanted) => {
  const ubus = { call: () => Promise.resolve({ values: { server: ['192.0.2.9'], ...options } }) } as unknown as Ubus;
  const nobody = { ask: () => Promise.reject(new Error('asked')), close: () => undefined };
  const lifelines = connectLifelines(
    ubus,
    nobody,
    () => 1,
    () => undefined,
  );
  const { lifelines: known } = await lifelines.look(undefined, [], [], told);
  expect(known).toEqual(wanted.map((address) => ({ protocol: 'udp', address, port: 123 })));
});
