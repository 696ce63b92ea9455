// What is on the far side of the routers' WAN: the broker's machine is their gateway, a public web server and a public
// resolver. In: nothing. Out: lines for that machine's boot, the addresses, and what is to be found there.
// Addresses for documentation: RFC 5737, RFC 3849.
export const internet = {
  gateway: '198.51.100.1',
  gateway6: '2001:db8:1::1',
  /** Answers pings, and has /1mb at port 80. */
  web: '203.0.113.1',
  web6: '2001:db8:ffff::1',
  resolver: '203.0.113.53',
  resolver6: '2001:db8:ffff::53',
  /** By both resolvers, and by the gateway. */
  names: {
    'public.example': ['203.0.113.1', '2001:db8:ffff::1'],
    'broker.example': ['198.51.100.1'],
    'pool.ntp.example': ['198.51.100.1'],
  },
} as const;

/** On the WAN and behind the router of this number. */
export const wanAddress6 = (index: number): string => `2001:db8:1::1${index}`;
export const lanAddress6 = (index: number, host: number): string => `2001:db8:2${index}::${host}`;
const maxRouters = 9;

const records = Object.entries(internet.names).map(
  ([name, addresses]) => `--host-record=${[name, ...addresses].join()}`,
);
const listeners = [internet.gateway, internet.gateway6, internet.resolver, internet.resolver6];
const lanRoutes = Array.from({ length: maxRouters }, (_, at) => at + 1).map(
  (index) => `ip -6 route add ${lanAddress6(index, 0)}/64 via ${wanAddress6(index)}`,
);

export const internetBoot = `
ip link add public type dummy
ip link set public up
for address in ${[internet.web, internet.resolver].map((address) => `${address}/32`).join(' ')}; do ip addr add $address dev public; done
for address in ${internet.web6} ${internet.resolver6}; do ip addr add $address/128 dev public nodad; done
ip addr add ${internet.gateway6}/64 dev eth0 nodad
${lanRoutes.join('\n')}
mkdir -p /tmp/www
head -c 1048576 /dev/urandom >/tmp/www/1mb
httpd -p 80 -h /tmp/www
dnsmasq --user=root --no-resolv --no-hosts --local=/example/ --bind-interfaces --listen-address=${listeners.join()} ${records.join(' ')}
`;
