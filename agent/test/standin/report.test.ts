/** What a router tells whoever helps, in a guest root: all of it, and of what may be a secret only that it is there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGuestRoot, type GuestRoot } from './guest-root.ts';

type Row = readonly [section: string, option: string, value: string];

/** A list has a space between its values. */
const shown: readonly Row[] = [
  ['rustynet.main', 'enabled', '1'],
  ['rustynet.main', 'broker', 'mqtts://broker.example:8883'],
  ['rustynet.main', 'announce', '192.168.1.0/24'],
  ['rustynet.main', 'exit', 'attic'],
  ['rustynet.main', 'offer_exit', '0'],
  ['rustynet.main', 'local_network', 'lan guest'],
  ['rustynet.main', 'listen_port', '51820'],
  ['network.wan', 'proto', 'pppoe'],
  ['network.wan', 'device', '@dsl0'],
  ['network.wan', 'peerdns', '0'],
  ['network.wan', 'dns', '192.0.2.1 2001:db8::1'],
  ['network.lan', 'ipaddr', '192.168.1.1/24'],
  ['network.lan', 'ip6assign', '60'],
  ['network.wg9', 'addresses', '10.9.0.1/32'],
  ['network.peer', 'endpoint_host', 'elsewhere.example'],
  ['network.peer', 'route_allowed_ips', '1'],
  ['firewall.web', 'src_dport', '443'],
  ['firewall.web', 'dest_ip', '192.168.1.9'],
  ['firewall.web', 'target', 'DNAT'],
  ['dhcp.main', 'server', '/corp.example/192.0.2.7'],
  ['dhcp.main', 'localservice', '1'],
];
/** As protocols and packages of OpenWrt name theirs; those of wireless and of services are put where they could be, too. */
const hidden: readonly Row[] = [
  ...['username', 'password', 'passphrase', 'pincode', 'pin', 'puk', 'apn', 'auth'].map((option): Row => [
    'network.wwan',
    option,
    '1234',
  ]),
  ...['tunnelid', 'username', 'password', 'updatekey'].map((option): Row => ['network.henet', option, 'hidden']),
  ...['private_key', 'preshared_key', 'public_key'].map((option): Row => ['network.wg9', option, 'hidden']),
  ...['preshared_key', 'private_key', 'psk', 'description'].map((option): Row => ['network.peer', option, 'hidden']),
  ...['usercert', 'userkey', 'token_script', 'token_secret', 'password2'].map((option): Row => [
    'network.vpnc',
    option,
    'hidden',
  ]),
  ...['key', 'key1', 'sae_password', 'wpa_psk', 'auth_secret', 'acct_secret', 'priv_key_pwd', 'r0kh', 'identity'].map(
    (option): Row => ['network.mesh', option, 'hidden'],
  ),
  ...['ikey', 'okey', 'secret', 'tls_auth', 'auth_user_pass', 'askpass', 'param_enc', 'authkey', 'api_key'].map(
    (option): Row => ['network.tunnel', option, 'hidden'],
  ),
  ...['extra', 'src_pin', 'dest_password', 'ipsecret'].map((option): Row => ['firewall.web', option, 'hidden']),
  ...['dhcp_option', 'dnskey', 'server_token', 'local_key'].map((option): Row => ['dhcp.main', option, 'hidden']),
  ...['password', 'mqtt_password', 'username', 'broker_password', 'invite'].map((option): Row => [
    'rustynet.main',
    option,
    'hidden',
  ]),
];

function fileOf(config: string): string {
  const rows = [...shown, ...hidden].filter(([section]) => section.startsWith(`${config}.`));
  const names = [...new Set(rows.map(([section]) => section.split('.')[1] ?? ''))];
  const lines = (name: string): string[] =>
    rows
      .filter(([section]) => section === `${config}.${name}`)
      .flatMap(([, option, value]) => {
        const values = value.split(' ');
        return values.map((each) => `\t${values.length > 1 ? 'list' : 'option'} ${option} '${each}'\n`);
      });
  return names.map((name) => `config ${config} '${name}'\n${lines(name).join('')}\n`).join('');
}

const logread = `#!/bin/sh
cat <<'END'
daemon.notice netifd: Interface 'wan' is now up
daemon.notice netifd: wan (1234): sent [CHAP "hidden"]
daemon.info rustynet[99]: enforced
END
`;
const more = `config anonymous
	option broker 'mqtt://me:hidden@broker.example'
	option note 'one
hidden: further lines'

`;

let guest: GuestRoot;
let out: string;
beforeAll(async () => {
  const files = Object.fromEntries(
    ['network', 'firewall', 'dhcp', 'rustynet'].map((name) => [`/etc/config/${name}`, fileOf(name)]),
  );
  const dhcp = `${files['/etc/config/dhcp'] ?? ''}${more}`;
  guest = await openGuestRoot({ ...files, '/etc/config/dhcp': dhcp, '/sbin/logread': logread });
  const ran = await guest.run('/usr/lib/rustynet/report');
  expect(ran.status).toBe(0);
  out = ran.out;
}, 60_000);
afterAll(() => guest.close());

test.each(shown)('shown: %s.%s', (section, option, value) => {
  const values = value.split(' ').map((each) => `'${each}'`);
  expect(out).toContain(`\n${section}.${option}=${values.join(' ')}\n`);
});

test.each(hidden)('only that it is there: %s.%s', (section, option) => {
  expect(out).toContain(`\n${section}.${option}=(not shown)\n`);
});

describe('all of it', () => {
  test('has sections, rules and the log, and nothing that is to be hidden', () => {
    for (const part of ['\nnetwork.wan=network\n', '== ip rule', "netifd: Interface 'wan' is now up", '99]: enforced'])
      expect(out).toContain(part);
    expect(out).not.toContain('hidden');
  });
  test('has a URL without what stands before its host', () => {
    expect(out).toContain("\ndhcp.@anonymous[0].broker='mqtt://(not shown)@broker.example'\n");
  });
});
