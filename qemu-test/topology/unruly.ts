// A router that keeps to nothing: its agent stands still, its tables are gone, and all that its hosts send goes into the
// tunnel. What is then stopped was stopped by the other side. In: a router. Out: what arrived at a LAN host, by kind.
import type { Router } from './router.ts';

export async function unleash(router: Router): Promise<void> {
  await router.guest.run(`kill -STOP ${await router.daemonPid()}; nft flush ruleset`);
}

/** Only once its own table is there again. */
export async function tame(router: Router): Promise<void> {
  await router.guest.run(`kill -CONT ${await router.daemonPid()}; /etc/init.d/firewall start`);
  await router.guest.run('until nft list tables | grep -q rustynet; do sleep 0.2; done');
  await router.reaches('enforced');
}

const within = 'ip netns exec host';

/** From now on the LAN host notes whatever is sent to it by others than its router: `tcp 2222`, `udp 5300`, `icmp`. */
export async function noteArrivals({ guest, index }: Router): Promise<void> {
  const table = `table inet arrivals
delete table inet arrivals
table inet arrivals {
  set ports { type inet_proto . inet_service; flags dynamic; }
  set others { type inet_proto; flags dynamic; }
  chain input {
    type filter hook input priority 0;
    ip saddr 192.168.${index}.1 accept
    ct state established,related accept
    meta l4proto { tcp, udp } add @ports { meta l4proto . th dport } accept
    meta l4proto icmp icmp type echo-request add @others { meta l4proto }
    meta l4proto ipv6-icmp icmpv6 type echo-request add @others { meta l4proto }
  }
}
`;
  await guest.run(`${within} nft -f -`, { input: table });
}

/** Sorted; and forgotten, for the next look. */
export async function arrivals({ guest }: Router): Promise<readonly string[]> {
  const listed = await guest.run(`${within} nft list table inet arrivals; ${within} nft flush set inet arrivals ports;
${within} nft flush set inet arrivals others`);
  const elements = [...listed.matchAll(/elements = \{([^}]*)\}/g)].flatMap(([, text = '']) => text.split(','));
  return elements.map((element) => element.trim().replace(' . ', ' ').replace('ipv6-icmp', 'icmp6')).sort();
}

/** Busybox's nc has no UDP. */
const udp = `const socket = require('dgram').createSocket('udp4');
const [to, ...ports] = process.argv.slice(1);
let left = ports.length;
for (const port of ports) socket.send('x', Number(port), to, () => (left -= 1) || socket.close());`;

/** Sends one packet of each kind from the LAN host, whether anybody answers or not. */
export async function sendEach({ guest }: Router, to: string, kinds: readonly string[]): Promise<void> {
  const ports = kinds.filter((kind) => kind.startsWith('udp')).map((kind) => kind.slice(4));
  const commands = kinds
    .filter((kind) => !kind.startsWith('udp'))
    .map((kind) => (kind === 'icmp' ? `ping -c 1 -W 1 ${to}` : `timeout 2 nc -w 1 ${to} ${kind.slice(4)} </dev/null`));
  if (ports.length > 0) commands.push(`node -e "${udp}" ${to} ${ports.join(' ')}`);
  const all = commands.map((command) => `{ ${within} ${command}; } >/dev/null 2>&1 &`).join('\n');
  await guest.run(`${all}\nwait; true`, { timeoutMs: 30_000 });
}

/** As many as were due by now, each millisecond: what a sleep comes late is caught up. */
const probing = `const socket = require('dgram').createSocket('udp4');
const [to, perSecond, seconds] = process.argv.slice(1);
const [beganMs, all] = [performance.now(), perSecond * seconds];
let sent = 0;
socket.on('error', () => {});
socket.bind(() => setInterval(() => {
  for (const due = Math.min(all, ((performance.now() - beganMs) * perSecond) / 1000); sent < due; sent += 1) socket.send('x', 9, to, () => {});
  if (sent >= all) { console.log((performance.now() - beganMs) / 1000); process.exit(); }
}, 1));`;

/** UDP from the LAN host, answered or not; gives how many a second it really was. */
export async function probe({ guest }: Router, to: string, perSecond: number, seconds: number): Promise<number> {
  const took = await guest.run(`${within} node -e "${probing}" ${to} ${perSecond} ${seconds}`, {
    timeoutMs: seconds * 5000,
  });
  return (perSecond * seconds) / Number(took);
}
