/** What is refused as an OpenWrt to boot, each with what was wanted and what was got; and the nearest that is taken. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildRouterImage, needPrograms, readGiven } from '../../../qemu-test/image/openwrt.ts';

const folder = mkdtempSync(join(tmpdir(), 'openwrt-image-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, data: Uint8Array): string {
  writeFileSync(join(folder, name), data);
  return join(folder, name);
}

/** The few bytes of a bzImage that are read: the magic, and where the version stands. */
function kernelOf(version: string): Buffer {
  const kernel = Buffer.alloc(0x600);
  kernel.write('HdrS', 0x202, 'latin1');
  kernel.writeUInt16LE(0x300, 0x20e);
  kernel.write(`${version} (builder@host) #1\0`, 0x500, 'latin1');
  return kernel;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const gzip = Buffer.from([0x1f, 0x8b, 8, 0]);
const rootfs = file('rootfs.tar.gz', gzip);
const kernel = file('bzImage', kernelOf('6.6.93'));
const good = { OPENWRT_ROOTFS: rootfs, OPENWRT_KERNEL: kernel };
mkdirSync(join(folder, '6.6.93'));
mkdirSync(join(folder, '6.12.1'));

test.each([
  ['a rootfs and a kernel', {}],
  ['digests that fit', { OPENWRT_SHA256: sha256(gzip), OPENWRT_KERNEL_SHA256: sha256(kernelOf('6.6.93')) }],
  ['modules of that kernel', { OPENWRT_MODULES: join(folder, '6.6.93') }],
])('taken: %s', async (_, more) => {
  expect(await readGiven({ ...good, ...more })).toMatchObject({ kernelVersion: '6.6.93' });
});

test.each([
  ['no rootfs', { OPENWRT_ROOTFS: undefined }, /wanted OPENWRT_ROOTFS=<rootfs.tar.gz>.*got no OPENWRT_ROOTFS/],
  ['no kernel', { OPENWRT_KERNEL: undefined }, /wanted OPENWRT_ROOTFS=.*got no OPENWRT_KERNEL/],
  ['a rootfs that is not there', { OPENWRT_ROOTFS: '/none' }, /OPENWRT_ROOTFS: wanted a file at \/none, got none/],
  ['a rootfs of another digest', { OPENWRT_SHA256: '0'.repeat(64) }, /wanted SHA-256 0{64}, got [0-9a-f]{64}/],
  ['a kernel of another digest', { OPENWRT_KERNEL_SHA256: 'f'.repeat(64) }, /OPENWRT_KERNEL: wanted SHA-256 f{64}/],
  ['a digest that is none', { OPENWRT_SHA256: 'abc' }, /OPENWRT_SHA256: wanted 64 hex digits, got abc/],
  ['a URL without a digest', { OPENWRT_ROOTFS: 'https://127.0.0.1/x' }, /is a URL: wanted OPENWRT_SHA256, got none/],
  ['a rootfs that is no gzip', { OPENWRT_ROOTFS: kernel }, /wanted gzip \(1f 8b\), got 0000/],
  ['a kernel that is no bzImage', { OPENWRT_KERNEL: rootfs }, /wanted a bzImage/],
  ['modules of another kernel', { OPENWRT_MODULES: join(folder, '6.12.1') }, /wanted a folder named 6\.6\.93, got/],
])('refused: %s', async (_, change, message) => {
  await expect(readGiven({ ...good, ...change })).rejects.toThrow(message);
});

test('what a URL gives is taken with its digest, and refused with another', async () => {
  const server = createServer((_, response) => response.end(gzip)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/rootfs.tar.gz`;
  try {
    expect(await readGiven({ ...good, OPENWRT_ROOTFS: url, OPENWRT_SHA256: sha256(gzip) })).toMatchObject({
      rootfs: gzip,
    });
    const other = { ...good, OPENWRT_ROOTFS: url, OPENWRT_SHA256: '1'.repeat(64) };
    await expect(readGiven(other)).rejects.toThrow(/wanted SHA-256 1{64}, got/);
  } finally {
    server.close();
  }
});

function rootWith(names: readonly string[], ip: 'file' | 'link'): string {
  const root = mkdtempSync(join(folder, 'root-'));
  mkdirSync(join(root, 'usr/sbin'), { recursive: true });
  for (const name of names) writeFileSync(join(root, 'usr/sbin', name), '');
  if (ip === 'link') symlinkSync('../../bin/busybox', join(root, 'usr/sbin/ip'));
  else writeFileSync(join(root, 'usr/sbin/ip'), '');
  return root;
}
const programs = ['ubus', 'uci', 'ubusd', 'procd', 'netifd', 'rpcd', 'fw4', 'nft', 'wg', 'node'];

test('a rootfs with all programs is taken; one without Node and wg, or with busybox for ip, is refused by name', () => {
  needPrograms(rootWith(programs, 'file'));
  const few = programs.filter((name) => name !== 'node' && name !== 'wg');
  expect(() => needPrograms(rootWith(few, 'file'))).toThrow(/got no wg node$/);
  expect(() => needPrograms(rootWith(programs, 'link'))).toThrow(/ip-full, got a link to busybox/);
});

test('another word for the image is refused', () => {
  expect(() => buildRouterImage({ LAB_IMAGE: 'opnwrt' })).toThrow('LAB_IMAGE: wanted lab or openwrt, got opnwrt');
});
