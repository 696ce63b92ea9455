/** The MTU of the tunnel. In: the choice and the uplink. Out: bytes, so that no sealed packet is too long for the path. */
import type { Desired } from '../policy/desired.ts';
import type { Observed } from './observed.ts';

/** IPv6 40, UDP 8, WireGuard's data message 32 (its whitepaper, section 5.4.6). */
const overheadBytes = 80;
const ethernetMtu = 1500;
/** The least that IPv6 lets a link have (RFC 8200, section 5). */
const leastMtu = 1280;

export function tunnelMtu({ mtu }: Desired, { uplinkMtu = ethernetMtu }: Observed): number {
  return mtu === 'auto' ? Math.max(leastMtu, uplinkMtu - overheadBytes) : mtu;
}
