/**
 * A tar archive, byte for byte what GNU tar writes for `--format=gnu --numeric-owner --sort=name`, which is how OpenWrt's
 * scripts/ipkg-build calls it. In: paths with content and mode, one time for all. Out: the archive; root owns everything,
 * and nothing of this machine is in it. Specified in GNU tar's manual, "Basic Tar Format".
 */
export interface TarFile {
  readonly data: Uint8Array;
  readonly mode: number;
}

const blockBytes = 512;
/** GNU tar writes whole records of 20 blocks. */
const recordBytes = 20 * blockBytes;
const maxNameBytes = 100;

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

function header(name: string, mode: number, size: number, mtimeUnixS: number): Buffer {
  const nameBytes = Buffer.byteLength(name);
  if (nameBytes > maxNameBytes) throw new Error(`tar: ${name}: wanted ${maxNameBytes} bytes at most, got ${nameBytes}`);
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0);
  block.write(octal(mode, 7) + octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(mtimeUnixS, 11), 100);
  // The sum is taken with spaces in its own place.
  block.write(`        ${name.endsWith('/') ? '5' : '0'}`, 148);
  block.write('ustar  ', 257);
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return block;
}

function padded(data: Uint8Array, to: number): Buffer {
  return Buffer.concat([data, Buffer.alloc((to - (data.length % to)) % to)]);
}

function member(name: string, { data, mode }: TarFile, mtimeUnixS: number): Buffer {
  return Buffer.concat([header(name, mode, data.length, mtimeUnixS), padded(data, blockBytes)]);
}

function ended(members: readonly Buffer[]): Buffer {
  return padded(Buffer.concat([...members, Buffer.alloc(2 * blockBytes)]), recordBytes);
}

/** Members as they come, named `./NAME`. */
export function packList(files: Readonly<Record<string, TarFile>>, mtimeUnixS: number): Buffer {
  return ended(Object.entries(files).map(([name, file]) => member(`./${name}`, file, mtimeUnixS)));
}

/** A tree with the folders above each file, every folder in the order of its names; paths begin with `/`. */
export function packTree(files: Readonly<Record<string, TarFile>>, mtimeUnixS: number): Buffer {
  const names = new Map<string, TarFile>();
  for (const [path, file] of Object.entries(files)) {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      names.set(path.slice(0, at + 1), { data: new Uint8Array(), mode: 0o755 });
    }
    names.set(path, file);
  }
  // A folder stands before what is in it, and its content before the next name beside it: '/' sorts first.
  const key = (path: string): string => path.replaceAll('/', '\0');
  const sorted = [...names].sort(([left], [right]) => (key(left) < key(right) ? -1 : 1));
  return ended(sorted.map(([path, file]) => member(`.${path}`, file, mtimeUnixS)));
}
