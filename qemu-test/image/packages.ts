// In: names of Debian packages. Out: their files in a folder, and the shared libraries that programs there need, found
// by the packages' own loader. Nothing is installed on this machine. Specified in apt-cache(8), dpkg-deb(1), ld.so(8).
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, lstatSync, mkdirSync, openSync, readSync, closeSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const LIBRARY_FOLDER = 'usr/lib/x86_64-linux-gnu';

/** Runs a program; a non-zero status is an error that shows what it printed. */
export async function run(program: string, argv: readonly string[], cwd?: string): Promise<string> {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const options = { maxBuffer: 64 << 20, env: { ...process.env, PATH: path, LC_ALL: 'C' }, ...(cwd ? { cwd } : {}) };
  try {
    return (await execFileAsync(program, [...argv], options)).stdout;
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string };
    const got = code === 'ENOENT' ? 'no such program (sh bundle/prepare.sh installs it)' : `status ${String(code)}`;
    const tail = (stderr ?? '').slice(-2000);
    throw new Error(`${program} ${argv.join(' ').slice(0, 300)}: wanted status 0, got ${got}\n${tail}`, { cause });
  }
}

async function hasCandidate(name: string): Promise<boolean> {
  const policy = await run('apt-cache', ['policy', name]);
  return /^\s*Candidate: (?!\(none\))/m.test(policy);
}

/** Fetches the package lists; only root can. */
export async function updatePackageLists(reason: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error(`lab image: ${reason}; run apt-get update as root`);
  console.warn(`lab image: ${reason}; running apt-get update`);
  await run('apt-get', ['-qq', 'update']);
}

/** Fetches the package lists when this machine has none. */
export async function needPackageLists(name: string): Promise<void> {
  if (await hasCandidate(name)) return;
  await updatePackageLists(`no package list knows ${name}`);
  if (!(await hasCandidate(name))) throw new Error(`lab image: wanted a package list with ${name}, got none`);
}

/** The newest kernel package whose name is `linux-image-6.12.N+deb12-cloud-amd64`, the kind the lab was tried on. */
export async function chooseKernel(): Promise<string> {
  const names = await run('apt-cache', ['search', '--names-only', '^linux-image-6[.]12[.].*cloud-amd64$']);
  const patch = (name: string): number => Number(/6\.12\.(\d+)/.exec(name)?.[1]);
  const newest = [...names.matchAll(/^linux-image-6\.12\.\d+\+deb12-cloud-amd64(?= )/gm)]
    .map(([name]) => name)
    .sort((a, b) => patch(a) - patch(b))
    .at(-1);
  if (newest === undefined) {
    throw new Error(`lab image: wanted linux-image-6.12.N+deb12-cloud-amd64 from apt, got\n${names || 'nothing'}`);
  }
  return newest;
}

/** The library packages that the given packages depend on, at any depth; of alternatives the first. */
export async function libraryPackages(names: readonly string[]): Promise<string[]> {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  );
  const listing = await run('apt-cache', ['depends', '--recurse', ...without, ...names]);
  const needs = new Map<string, string[]>();
  let current: string[] = [];
  let alternative = false;
  for (const line of listing.split('\n')) {
    if (/^\S/.test(line)) needs.set(line.trim(), (current = []));
    const [, or, name] = /^ ([ |])(?:Pre)?Depends: (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (!alternative && !name.startsWith('<')) current.push(name);
    alternative = or === '|';
  }
  const found = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const need of needs.get(name) ?? []) {
      if (!need.startsWith('lib') || found.has(need)) continue;
      found.add(need);
      open.push(need);
    }
  }
  return [...found].sort();
}

/** Downloads packages to a folder (kept between runs) and gives the file of each by name. */
export async function download(names: readonly string[], folder: string): Promise<Map<string, string>> {
  mkdirSync(folder, { recursive: true });
  await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...names], folder);
  const policy = await run('apt-cache', ['policy', ...names]);
  const files = new Map<string, string>();
  for (const [, name, version] of policy.matchAll(/^(\S+):\n(?: .*\n)*? {2}Candidate: (\S+)$/gm)) {
    const file = readdirSync(folder).find((each) => each.startsWith(`${name}_${version?.replaceAll(':', '%3a')}_`));
    if (name !== undefined && file !== undefined) files.set(name, join(folder, file));
  }
  const missing = names.filter((name) => !files.has(name));
  if (missing.length > 0) throw new Error(`lab image: wanted the files of ${missing.join(' ')}, got no such download`);
  return files;
}

/** Unpacks a package under a folder whose top-level links (bin -> usr/bin) are kept. */
export async function unpack(deb: string, folder: string): Promise<void> {
  const script = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"';
  await run('bash', ['-o', 'pipefail', '-c', script, 'unpack', deb, folder]);
}

function isElf(path: string): boolean {
  const head = Buffer.alloc(4);
  const file = openSync(path, 'r');
  try {
    return readSync(file, head) === 4 && head.equals(Buffer.from('\x7fELF', 'latin1'));
  } finally {
    closeSync(file);
  }
}

/** Every ELF file under a folder, but for kernel modules. */
function elfFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return elfFiles(path);
    return entry.isFile() && !path.endsWith('.ko') && isElf(path) ? [path] : [];
  });
}

/** Lists what the loader of `libraries` finds for a program there; a library that is not found is an error. */
async function librariesOf(program: string, libraries: string): Promise<string[]> {
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  // 1 says "not dynamically linked"; asked to list such a program, the loader crashes.
  const verdict = await run('sh', ['-c', '"$1" --verify "$2"; echo $?', 'verify', loader, program]);
  if (verdict.trim() === '1') return [];
  const listing = await run(loader, ['--library-path', libraries, '--list', program]);
  const missing = [...listing.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
  if (missing.length > 0) throw new Error(`${basename(program)}: wanted ${missing.join(' ')}, got no such library`);
  return [...listing.matchAll(/=> (\/\S+)/g)].map(([, path]) => path ?? '');
}

/** Adds to `pool` what a program of this machine needs and no package brought: found by this machine's own loader. */
export async function addHostLibraries(pool: string, program: string): Promise<void> {
  const listing = await run('ldd', [program]);
  for (const [, path = ''] of listing.matchAll(/=> (\/\S+)/g)) {
    const target = join(pool, LIBRARY_FOLDER, basename(path));
    if (!existsSync(target)) copyFileSync(path, target);
  }
}

/** Copies to `root` the libraries its programs need out of `pool`, and checks the result by root's own loader. */
export async function addLibraries(root: string, pool: string): Promise<void> {
  const from = join(pool, LIBRARY_FOLDER);
  const into = join(root, LIBRARY_FOLDER);
  mkdirSync(into, { recursive: true });
  const programs = elfFiles(root);
  const wanted = new Set([join(from, 'ld-linux-x86-64.so.2')]);
  for (const program of programs) {
    for (const path of await librariesOf(program, from)) wanted.add(path);
  }
  for (const path of wanted) {
    const target = join(into, basename(path));
    if (!existsSync(target) || lstatSync(target).isSymbolicLink()) copyFileSync(path, target);
  }
  for (const program of programs) {
    const outside = (await librariesOf(program, into)).filter((path) => !path.startsWith(root));
    if (outside.length > 0) throw new Error(`${program}: wanted libraries of the image, got ${outside.join(' ')}`);
  }
}
