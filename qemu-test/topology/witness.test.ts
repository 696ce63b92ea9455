// The witness's reading of frames, against frames written by hand from the RFCs; no guest.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isHousekeeping, isWireGuard, parsePacket, sentInTheClear, writePcap, type WanPacket } from './witness.ts';

const macs = '525400000002525400000001';
const frame = (hexText: string): Buffer => Buffer.from(macs + hexText.replaceAll(/\s/g, ''), 'hex');
const number = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');

/** 198.51.100.11 to 203.0.113.1, or as said. */
function v4(protocol: number, body: string, { ttl = 64, to = 'cb007101', offset = 0 } = {}): Buffer {
  const length = number(20 + body.replaceAll(/\s/g, '').length / 2, 2);
  return frame(
    `0800 4500 ${length} 0001 ${number(offset, 2)} ${number(ttl, 1)}${number(protocol, 1)}0000 c633640b ${to} ${body}`,
  );
}
/** 2001:db8:1::11 to 2001:db8:ffff::1, or as said. */
function v6(next: number, body: string, { hops = 64, to = '20010db8ffff00000000000000000001' } = {}): Buffer {
  const length = number(body.replaceAll(/\s/g, '').length / 2, 2);
  return frame(
    `86dd 60000000 ${length} ${number(next, 1)}${number(hops, 1)} 20010db8000100000000000000000011 ${to} ${body}`,
  );
}
const udp = (from: number, to: number, payload: string): string =>
  `${number(from, 2)}${number(to, 2)}${number(8 + payload.length / 2, 2)}0000${payload}`;
const allNodes = 'ff020000000000000000000000000001';
const reports = 'ff020000000000000000000000000016';

function parsed(bytes: Buffer): WanPacket {
  const packet = parsePacket('r1', bytes);
  if (packet === undefined) throw new Error('wanted a packet, got none');
  return packet;
}

describe('a frame', () => {
  const [home, far] = ['198.51.100.11', '203.0.113.1'];
  const [home6, far6] = ['2001:db8:1::11', '2001:db8:ffff::1'];
  const dns = { protocol: 17, fromPort: 4660, toPort: 53 };
  it.each<[string, Buffer, Partial<WanPacket>]>([
    ['of UDP over IPv4 has its ports', v4(17, udp(0x1234, 53, 'aa')), { from: home, to: far, ...dns }],
    ['of UDP over IPv6 has its ports', v6(17, udp(0x1234, 53, 'aa')), { from: home6, to: far6, ...dns }],
    ['of IPv6 is read behind a hop-by-hop header', v6(0, `11 00 0502000001 00 ${udp(0x1234, 53, 'aa')}`), dns],
    [
      'of IPv6 is read behind destination options of 16 bytes',
      v6(60, `11 01 ${'00'.repeat(14)} ${udp(0x1234, 53, '')}`),
      dns,
    ],
    ['that is a first fragment has ports', v6(44, `11 00 0001 00000001 ${udp(0x1234, 53, 'aa')}`), dns],
    [
      'that is a later fragment has none',
      v6(44, `11 00 0009 00000001 ${'ff'.repeat(16)}`),
      { protocol: 17, toPort: 0 },
    ],
    ['that is a later fragment of IPv4 has none', v4(17, 'ff'.repeat(16), { offset: 1 }), { protocol: 17, toPort: 0 }],
    ['of 6in4 is IPv4 of protocol 41', v4(41, '60000000'), { from: home, protocol: 41 }],
    ['of ICMPv6 has no ports', v6(58, '80000000 00010001'), { protocol: 58, fromPort: 0 }],
    ['of another kind is a packet all the same', frame('8864 1100 0001'), { from: '525400000001', protocol: -1 }],
    ['that ends within its IP header is a packet all the same', frame('86dd 6000'), { protocol: -1 }],
  ])('%s', (_, bytes, wanted) => {
    expect(parsed(bytes)).toMatchObject(wanted);
  });

  it.each([
    ['ARP', frame('0806 0001')],
    ['RARP', frame('8035 0001')],
    ['shorter than its header', frame('')],
  ])('of %s is no packet', (_, bytes) => {
    expect(parsePacket('r1', bytes)).toBeUndefined();
  });
});

describe('what needs no reason on a WAN', () => {
  const neighbour = '87000000 00000000';
  it.each<[string, Buffer, boolean]>([
    ['a neighbour solicitation', v6(58, neighbour, { hops: 255, to: allNodes }), true],
    ['one that some router forwarded, so it is none', v6(58, neighbour, { hops: 254 }), false],
    ['a report of groups', v6(0, '3a 00 0502000001 00 8f000000 00000000', { hops: 1, to: reports }), true],
    ['a report of groups to someone far away', v6(0, '3a 00 0502000001 00 8f000000 00000000', { hops: 1 }), false],
    ['a ping over IPv6', v6(58, '80000000 00010001'), false],
    ['DHCP', v4(17, udp(68, 67, '01')), true],
    ['DHCPv6', v6(17, udp(546, 547, '01')), true],
    ['a question to DNS from the port of DHCP', v4(17, udp(68, 53, '01')), false],
    ['a report of groups over IPv4', v4(2, '2200', { ttl: 1, to: 'e0000016' }), true],
  ])('%s: %#', (_, bytes, wanted) => {
    expect(isHousekeeping(parsed(bytes))).toBe(wanted);
  });

  it.each<[string, string, boolean]>([
    ['a first message', `01000000${'00'.repeat(144)}`, true],
    ['a keepalive', `04000000${'00'.repeat(28)}`, true],
    ['a first message that is too long', `01000000${'00'.repeat(145)}`, false],
    ['other bytes at the port', `05000000${'00'.repeat(60)}`, false],
    ['text at the port', Buffer.from('GET / HTTP/1.1 and more than 32 bytes of it').toString('hex'), false],
  ])('of WireGuard: %s', (_, payload, wanted) => {
    expect(isWireGuard(parsed(v4(17, udp(51820, 51820, payload))))).toBe(wanted);
  });

  it('is taken from what a router sent, and the rest is in the clear', () => {
    const leak = parsed(v4(17, udp(1024, 53, 'aa')));
    const others = [v6(58, neighbour, { hops: 255 }), v4(17, udp(51820, 51820, `04000000${'00'.repeat(28)}`))];
    const answer = { ...leak, port: 'broker' };
    expect(sentInTheClear([...others.map(parsed), leak, answer], 'r1')).toEqual([leak]);
  });
});

it('writes a capture that begins and continues as libpcap says', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'pcap-')), 'captures/leak.pcap');
  const packet = parsed(v4(17, udp(1024, 53, 'aa')));
  writePcap([packet, packet], file);
  const bytes = readFileSync(file);
  expect(bytes.toString('hex', 0, 24)).toBe('d4c3b2a1020004000000000000000000' + '0000040001000000');
  expect(bytes.length).toBe(24 + 2 * (16 + packet.frame.length));
  expect(Math.abs(bytes.readUInt32LE(24) - Date.now() / 1000)).toBeLessThan(60);
  expect(bytes.subarray(40, 40 + packet.frame.length).equals(packet.frame)).toBe(true);
});
