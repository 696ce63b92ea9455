// In: paths with bytes. Out: a cpio archive in the "newc" format, which the kernel unpacks as an initrd; several such
// archives, each padded to four bytes, may stand one after the other.
// Specified in the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.

export type CpioEntry =
  { kind: 'file'; path: string; data: Uint8Array; mode: number } | { kind: 'link'; path: string; target: string };

const TYPE_FILE = 0o100000;
const TYPE_FOLDER = 0o040000;
const TYPE_LINK = 0o120000;

function record(path: string, mode: number, inode: number, data: Uint8Array): Buffer {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, mtime, size, dev major/minor, rdev major/minor, name size, checksum
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([pad(Buffer.concat([Buffer.from(header), name])), pad(data)]);
}

function pad(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** The folders above a path, outermost first: `a/b/c` gives `a`, `a/b`. */
function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Packs entries (paths without a leading slash) with the folders above them, all owned by root. */
export function packCpio(entries: readonly CpioEntry[]): Buffer {
  const records: Buffer[] = [];
  const seen = new Set<string>();
  let inode = 1;
  for (const entry of entries) {
    for (const folder of foldersAbove(entry.path)) {
      if (seen.has(folder)) continue;
      seen.add(folder);
      records.push(record(folder, TYPE_FOLDER | 0o755, inode++, Buffer.alloc(0)));
    }
    if (seen.has(entry.path)) throw new Error(`cpio: wanted each path once, got ${entry.path} twice`);
    seen.add(entry.path);
    records.push(
      entry.kind === 'file'
        ? record(entry.path, TYPE_FILE | (entry.mode & 0o7777), inode++, entry.data)
        : record(entry.path, TYPE_LINK | 0o777, inode++, Buffer.from(entry.target)),
    );
  }
  records.push(record('TRAILER!!!', 0, 0, Buffer.alloc(0)));
  return Buffer.concat(records);
}
