// Everything that would leak, all the time: a LAN host and the router itself send to the internet, IPv4 and IPv6, by
// ICMP, TCP, DNS and to the port of DNS over TLS. In: a router. Out: what of it stood on the WAN in the clear, but for lifelines.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { brokerAddress, brokerPort } from './broker.ts';
import { internet } from './internet.ts';
import type { Mesh } from './mesh.ts';
import type { Router } from './router.ts';
import { isTunnelData, sentInTheClear, watch, writePcap, type WanPacket } from './witness.ts';

const { web, web6, resolver, resolver6 } = internet;

/** One round of attempts; `ip netns exec host` before it makes them those of the LAN host. */
const round = (within: string): string =>
  [
    `${within} ping -c 1 -W 1 ${web}`,
    `${within} ping -6 -c 1 -W 1 ${web6}`,
    `echo | ${within} timeout 1 nc ${web} 80`,
    `echo | ${within} timeout 1 nc ${web6} 80`,
    `echo | ${within} timeout 1 nc ${resolver} 853`,
    `${within} timeout 1 nslookup public.example ${resolver}`,
    `${within} timeout 1 nslookup public.example ${resolver6}`,
    `${within} timeout 1 nslookup public.example`,
  ]
    .map((command) => `{ ${command}; } >/dev/null 2>&1 &`)
    .join('\n');

/** Not in /tmp, which a boot empties. */
const [file, sender] = ['/root/leaking', '/root/leaker.cjs'];
const send = (within: string, ownResolver: string): string =>
  `${within} node ${sender} ${[ownResolver, web, web6, resolver, resolver6].join(' ')} &`;

/** Programs first: at a boot they send before Node has begun. The LAN host is made behind all of it. */
const script = (index: number): string => `#!/bin/sh
${send('', '127.0.0.1')}
for n in 1 2 3; do
${round('')}
sleep 0.5
done
until ip netns exec host true 2>/dev/null; do sleep 0.5; done
${send('ip netns exec host', `192.168.${index}.1`)}
${round('ip netns exec host')}
wait
`;

async function writeLeaker({ guest, index }: Router): Promise<void> {
  const source = readFileSync(join(import.meta.dirname, 'leaker.ts'), 'utf8');
  await guest.writeFile(sender, transformSync(source, { loader: 'ts', format: 'cjs' }).code);
  await guest.writeFile(file, script(index), 0o755);
}

/** Begins to send; goes on over everything but a reboot. */
export async function startLeaking(router: Router): Promise<void> {
  await writeLeaker(router);
  await router.guest.run(`setsid ${file} >/dev/null 2>&1 </dev/null &`);
}

/** From the first moment of each boot, before the network is there. */
export async function leakAtBoot(router: Router): Promise<void> {
  await writeLeaker(router);
  await router.guest.run(`sed -i '1i setsid ${file} >/dev/null 2>&1 </dev/null &' /lab/boot; sync`);
}

/** What keeps the tunnel alive: the broker, and the names that are asked for it at the uplink's resolver. */
function isLifeline({ protocol, to, toPort, fromPort }: WanPacket): boolean {
  const isBroker = protocol === 6 && to === brokerAddress && toPort === brokerPort;
  const isAsked = protocol === 17 && to === internet.gateway && toPort === 53 && fromPort === 53853;
  return isBroker || isAsked;
}

/** What a router sent in the clear, and that is no lifeline. */
export function leaksOf(packets: readonly WanPacket[], router: string): WanPacket[] {
  return sentInTheClear(packets, router).filter((packet) => !isLifeline(packet));
}

/** A line for a person, and for a table of what was to be seen. */
export function leakLine({ protocol, from, fromPort, to, toPort }: WanPacket): string {
  return `${protocol} ${from} ${fromPort} > ${to} ${toPort}`;
}

export interface Seen {
  /** In the clear, and no lifeline: a line each. */
  readonly leaks: readonly string[];
  /** Sealed packets, which show that there was something to leak. */
  readonly sealed: number;
}

/** Watches the router's WAN while `act` runs, and writes a capture where something leaked. */
export async function watchLeaks(mesh: Mesh, { name }: Router, act: () => Promise<unknown>): Promise<Seen> {
  const { packets, stop } = watch(mesh.hub);
  await act();
  stop();
  const own = packets.filter(({ port }) => port === name);
  const leaks = leaksOf(own, name);
  if (leaks.length > 0) {
    const capture = join(import.meta.dirname, `../out/captures/leak-${name}-${Date.now()}.pcap`);
    writePcap(own, capture);
    console.warn(`${leaks.length} packets in the clear: ${capture}`);
  }
  return {
    leaks: leaks.map(leakLine),
    sealed: own.filter(isTunnelData).length,
  };
}

export const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
