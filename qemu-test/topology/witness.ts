// The witness on the WAN: what passed, when, as seen from outside of every guest. In: the hub. Out: packets with times of
// this machine's one clock, and a capture file of them. Layouts: Ethernet II, RFC 791, RFC 8200, RFC 768, RFC 4861,
// WireGuard's message types (1 and 2 handshakes, 3 cookies, 4 data), draft-ietf-opsawg-pcap.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { attach, record, unixUs } from '../evidence/recorder.ts';
import type { Hub } from '../harness/hub.ts';

export interface WanPacket {
  readonly atMs: number;
  readonly port: string;
  readonly etherType: number;
  /** IP addresses; hardware addresses of a frame that carries no IP. */
  readonly from: string;
  readonly to: string;
  /** IP protocol: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6; for IPv6 that behind the extension headers. -1 where there is no IP. */
  readonly protocol: number;
  readonly hopLimit: number;
  /** 0 where there are none: in other protocols, and in fragments but the first. */
  readonly fromPort: number;
  readonly toPort: number;
  /** What stands behind the first 8 bytes of TCP, UDP, ICMP and the like. */
  readonly payload: Buffer;
  readonly frame: Buffer;
}

const ipv4 = 0x0800;
const ipv6 = 0x86dd;
const arp = 0x0806;
/** QEMU itself says by it where a loaded guest's card is now. */
const rarp = 0x8035;
const headerBytes = 14;
const ipv6HeaderBytes = 40;
const wireGuardPort = 51820;
/** Hop-by-hop, routing, fragment, destination options: each names what follows in its first byte. */
const extensions = [0, 43, 44, 60];
const fragment = 44;

const hex = (bytes: Buffer): string => bytes.toString('hex');

function ipv6Address(bytes: Buffer): string {
  const groups = hex(bytes).match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

type Ip = Pick<WanPacket, 'from' | 'to' | 'protocol' | 'hopLimit'> & {
  readonly body: Buffer;
  readonly isFirst: boolean;
};

function parseIpv4(packet: Buffer): Ip | undefined {
  if (packet.length < 20) return undefined;
  const length = (packet.readUInt8(0) & 15) * 4;
  return {
    from: [...packet.subarray(12, 16)].join('.'),
    to: [...packet.subarray(16, 20)].join('.'),
    protocol: packet.readUInt8(9),
    hopLimit: packet.readUInt8(8),
    body: packet.subarray(length, packet.readUInt16BE(2)),
    isFirst: (packet.readUInt16BE(6) & 0x1fff) === 0,
  };
}

function parseIpv6(packet: Buffer): Ip | undefined {
  if (packet.length < ipv6HeaderBytes) return undefined;
  let protocol = packet.readUInt8(6);
  let body = packet.subarray(ipv6HeaderBytes, ipv6HeaderBytes + packet.readUInt16BE(4));
  let isFirst = true;
  while (extensions.includes(protocol) && body.length >= 8) {
    if (protocol === fragment) isFirst = (body.readUInt16BE(2) & 0xfff8) === 0;
    const bytes = protocol === fragment ? 8 : (body.readUInt8(1) + 1) * 8;
    protocol = body.readUInt8(0);
    body = body.subarray(bytes);
    if (!isFirst) break;
  }
  const [from, to] = [ipv6Address(packet.subarray(8, 24)), ipv6Address(packet.subarray(24, 40))];
  return { from, to, protocol, hopLimit: packet.readUInt8(7), body, isFirst };
}

/** A frame of a kind that is not known is a packet as well: a leak need not be IP. ARP is none. */
export function parsePacket(port: string, frame: Buffer): WanPacket | undefined {
  if (frame.length < headerBytes) return undefined;
  const etherType = frame.readUInt16BE(12);
  if (etherType === arp || etherType === rarp) return undefined;
  const packet = frame.subarray(headerBytes);
  const ip = etherType === ipv4 ? parseIpv4(packet) : etherType === ipv6 ? parseIpv6(packet) : undefined;
  const seen = { atMs: performance.now(), port, etherType, frame };
  if (ip === undefined) {
    const [to, from] = [hex(frame.subarray(0, 6)), hex(frame.subarray(6, 12))];
    return { ...seen, from, to, protocol: -1, hopLimit: 0, fromPort: 0, toPort: 0, payload: packet };
  }
  const { from, to, protocol, hopLimit, body, isFirst } = ip;
  const hasPorts = isFirst && body.length >= 8 && [6, 17].includes(protocol);
  return {
    ...seen,
    ...{ from, to, protocol, hopLimit },
    fromPort: hasPorts ? body.readUInt16BE(0) : 0,
    toPort: hasPorts ? body.readUInt16BE(2) : 0,
    payload: body.subarray(8),
  };
}

/** WireGuard data that carries something: a keepalive is 32 bytes. */
export function isTunnelData({ protocol, toPort, payload }: WanPacket): boolean {
  return protocol === 17 && toPort === wireGuardPort && payload[0] === 4 && payload.length > 32;
}

/** Any message of WireGuard: sealed, or a handshake. By its form too, so that nothing else hides behind the port. */
export function isWireGuard({ protocol, fromPort, toPort, payload }: WanPacket): boolean {
  if (protocol !== 17 || ![fromPort, toPort].includes(wireGuardPort) || payload.length < 32) return false;
  const size = { 1: 148, 2: 92, 3: 64, 4: payload.length }[payload.readUInt32LE(0)];
  return payload.length === size;
}

/** Neighbours, groups and leases: what a card says on its link whoever uses it, and no router forwards. */
export function isHousekeeping({ etherType, protocol, hopLimit, to, fromPort, toPort, frame }: WanPacket): boolean {
  const ports = [fromPort, toPort];
  if (etherType === ipv4) {
    const isDhcp = protocol === 17 && ports.every((each) => each === 67 || each === 68);
    return isDhcp || (protocol === 2 && to.startsWith('224.0.0.') && hopLimit === 1);
  }
  if (etherType !== ipv6) return false;
  if (protocol === 17) return ports.every((each) => each === 546 || each === 547);
  if (protocol !== 58) return false;
  // Type is the first byte behind the headers; multicast listener reports have one extension header of 8 bytes.
  const type = frame[headerBytes + ipv6HeaderBytes + (frame[headerBytes + 6] === 0 ? 8 : 0)] ?? 0;
  const isNeighbour = type >= 133 && type <= 137 && hopLimit === 255;
  return isNeighbour || ([130, 131, 132, 143].includes(type) && to.startsWith('ff02::') && hopLimit === 1);
}

/** What one router sent on the WAN outside of the tunnel: of a leak promise, all that still needs a reason. */
export function sentInTheClear(packets: readonly WanPacket[], router: string): WanPacket[] {
  return packets.filter((packet) => packet.port === router && !isWireGuard(packet) && !isHousekeeping(packet));
}

/** A capture file of classic pcap, microseconds. */
export function pcapOf(packets: readonly Pick<WanPacket, 'atMs' | 'frame'>[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(0x40000, 16);
  header.writeUInt32LE(1, 20);
  const records = packets.map(({ atMs, frame }) => {
    const record = Buffer.alloc(16);
    const atUs = unixUs(atMs);
    record.writeUInt32LE(Math.floor(atUs / 1e6), 0);
    record.writeUInt32LE(atUs % 1e6, 4);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...records]);
}

/** For a person's own eyes, where a promise was broken: put it into qemu-test/out/captures. */
export function writePcap(packets: readonly Pick<WanPacket, 'atMs' | 'frame'>[], file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, pcapOf(packets));
}

/** Collects packets until `stop`. */
export function watch(hub: Hub): { readonly packets: WanPacket[]; readonly stop: () => void } {
  const packets: WanPacket[] = [];
  const ignore = hub.onFrame((port, frame) => {
    const packet = parsePacket(port, frame);
    if (packet !== undefined) packets.push(packet);
  });
  const stop = (): void => {
    ignore();
    const ports = [...new Set(packets.map(({ port }) => port))].sort();
    const captureOf = (name: string): Buffer => pcapOf(packets.filter(({ port }) => port === name));
    record({ kind: 'watch', captures: ports.map((port) => ({ port, sha256: attach('pcap', captureOf(port)) })) });
  };
  return { packets, stop };
}

/** Data of a tunnel that crossed the WAN, without its bytes: a long flow has too many of them to keep. */
export interface TunnelFrame {
  readonly atMs: number;
  readonly port: string;
  /** Message type: 1 and 2 handshake, 4 data. */
  readonly type: number;
  readonly bytes: number;
  readonly receiver: number;
  readonly counter: number;
}

export function watchTunnel(hub: Hub): { readonly frames: TunnelFrame[]; readonly stop: () => void } {
  const frames: TunnelFrame[] = [];
  const stop = hub.onFrame((port, frame) => {
    const packet = parsePacket(port, frame);
    if (packet?.protocol !== 17 || packet.toPort !== 51820 || packet.payload.length < 16) return;
    const { atMs, payload } = packet;
    const [type, receiver, counter] = [payload.readUInt8(0), payload.readUInt32LE(4), payload.readUInt32LE(8)];
    frames.push({ atMs, port, type, bytes: payload.length, receiver, counter });
  });
  return { frames, stop };
}
