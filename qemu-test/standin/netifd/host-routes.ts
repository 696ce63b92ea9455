/**
 * Host dependencies: a tunnel's far end must stay reachable outside the tunnel.
 * In: a host's address and the interfaces. Out: a host route through the gateway of the interface that reaches it best.
 * Specified in netifd's interface_ip_add_target_route; seen as `10.99.0.2 via 10.0.2.2 dev eth1 proto static`.
 */
import { isIP } from 'node:net';
import { type Family, parseAddress, type Route, routeLine } from './address.ts';
import type { NetInterface } from './interface.ts';
import { ipBatch, type Kernel } from './kernel.ts';

function bitsOf(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  const [left = '', right] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [head, tail] = [groups(left), groups(right ?? '')];
  const middle = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...middle, ...tail].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** Whether a network of `mask` bits holds the host. */
export function covers(network: string, mask: number, host: string): boolean {
  if (isIP(network) !== isIP(host)) return false;
  const shift = BigInt((isIP(host) === 4 ? 32 : 128) - mask);
  return bitsOf(network) >> shift === bitsOf(host) >> shift;
}

/** The network that an address with a mask lies in, as `10.0.0.0/24`. */
export function networkAddress(address: string, mask: number): string {
  const size = isIP(address) === 4 ? 32 : 128;
  const shift = BigInt(size - mask);
  const bits = (bitsOf(address) >> shift) << shift;
  const part = size === 32 ? 8 : 16;
  const parts = Array.from({ length: size / part }, (_, index) => {
    const value = (bits >> BigInt(size - part * (index + 1))) & ((1n << BigInt(part)) - 1n);
    return value.toString(part === 8 ? 10 : 16);
  });
  const text = part === 8 ? parts.join('.') : new URL(`http://[${parts.join(':')}]`).hostname.slice(1, -1);
  return `${text}/${mask}`;
}

interface Way {
  readonly mask: number;
  readonly device: string;
  readonly gateway: string | undefined;
}

function waysTo(host: string, interfaces: readonly NetInterface[]): Way[] {
  return interfaces.flatMap(({ state, l3Device: device, settings }): Way[] => {
    if (state !== 'up' || device === undefined) return [];
    const routes = [...settings.routes.values()].filter(({ target, mask }) => covers(target, mask, host));
    const links = [...settings.addresses.values()].filter(({ address, mask }) => covers(address, mask, host));
    return [
      ...routes.map(({ mask, gateway }) => ({ mask, device, gateway })),
      ...links.map(({ mask }) => ({ mask, device, gateway: undefined })),
    ];
  });
}

/** Adds the host route if a gateway is on the way; the function that takes it away again. */
export async function addHostRoute(
  run: Kernel,
  host: string,
  interfaces: readonly NetInterface[],
): Promise<() => Promise<void>> {
  const parsed = parseAddress(host);
  const best = waysTo(host, interfaces).sort((a, b) => b.mask - a.mask)[0];
  if (parsed === undefined || best?.gateway === undefined) return () => Promise.resolve();
  const family: Family = parsed.family;
  const route: Route = { family, target: parsed.address, mask: family === 4 ? 32 : 128, gateway: best.gateway };
  await ipBatch(run, [routeLine('replace', route, best.device, 0)]);
  return () => ipBatch(run, [routeLine('del', route, best.device, 0)]);
}
