// What a router keeps to itself, and where it could be told. In: a router, what else is to be searched. Out: the places
// in which any of it stands, however it is written: as text, hexadecimal or base64 at any offset.
import type { Router } from './router.ts';

export interface Secret {
  readonly name: string;
  /** The only file that may have it. */
  readonly file: string;
  readonly needles: readonly string[];
}

/** base64 of bytes somewhere in a longer text: the letters that depend on neighbours are cut off. */
function base64Anywhere(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const coded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const inner = coded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

export function needlesOf(bytes: Buffer): readonly string[] {
  const hex = bytes.toString('hex');
  return [...new Set([hex, hex.toUpperCase(), ...base64Anywhere(bytes)])];
}

const folder = '/etc/rustynet';
const minSecretBytes = 8;

/** What the file of a secret has in it, as bytes: base64 of a WireGuard key or a seed, an invite's id and hex, a password. */
function bytesOf(name: string, text: string): Buffer {
  if (name === 'invite.key') return Buffer.from(text.split(' ').at(-1) ?? '', 'hex');
  return name.endsWith('.key') ? Buffer.from(text, 'base64') : Buffer.from(text);
}

/** All that lie on the router now: every file of the folder that is named as one. */
export async function secretsOf({ guest }: Router): Promise<readonly Secret[]> {
  const names = (await guest.run(`cd ${folder}; ls | grep -E '[.](key|password)$'`)).trim().split('\n');
  return Promise.all(
    names.map(async (name) => {
      const file = `${folder}/${name}`;
      const text = (await guest.readFile(file)).toString().trim();
      const bytes = bytesOf(name, text);
      if (bytes.length < minSecretBytes) throw new Error(`${file}: wanted a secret, got ${bytes.length} bytes`);
      return { name, file, needles: [...(name.endsWith('.password') ? [text] : []), ...needlesOf(bytes)] };
    }),
  );
}

/** `secret in place` for each that is found. */
export function foundIn(secrets: readonly Secret[], texts: Readonly<Record<string, string>>): string[] {
  return Object.entries(texts).flatMap(([place, text]) =>
    secrets
      .filter(({ needles }) => needles.some((needle) => text.includes(needle)))
      .map(({ name }) => `${name} in ${place}`),
  );
}

/** Files of the router that have one, but for those that must: all that was written since the image was made. */
export async function filesWith(secrets: readonly Secret[], { guest }: Router): Promise<string[]> {
  const needles = secrets.flatMap((secret) => secret.needles).join('\n');
  const places = '/overlay /etc /root /tmp /var /run /usr/lib/rustynet /usr/lib/opkg';
  // No pipe, which would never end.
  const files = `find ${places} -xdev -type f -print0 2>/dev/null`;
  const search = `cat >/dev/shm/needles; ${files} | xargs -0 grep -laF -f /dev/shm/needles; rm /dev/shm/needles`;
  const found = await guest.run(`mkdir -p /dev/shm; ${search}`, { input: needles, timeoutMs: 120_000 });
  const own = new Set(secrets.map(({ file }) => file));
  const names = found.split('\n').filter((line) => line !== '');
  return names.filter((name) => !own.has(name.replace(/^\/overlay\/upper/, '')));
}

const told = {
  ubus: [
    ...['status', 'peers', 'access', 'exit', 'announce'].map((method) => `ubus call rustynet ${method}`),
    `ubus call rustynet audit '{"verify":true}'`,
    'ubus -v list rustynet',
    'ubus call service list',
    'ubus call network.interface.rn0 status',
  ],
  UCI: ['uci show', 'uci export rustynet'],
  'the command line': [
    ...[
      'status',
      'peers',
      'netcheck',
      'audit show',
      'audit export',
      'exit',
      'announce',
      'break-glass status',
      'version',
    ],
  ].flatMap((words) => [`rustynet ${words}`, `rustynet ${words} --json`]),
  'the report': ['rustynet report'],
  'the log': ['logread', 'dmesg', 'cat /var/log/*'],
  'arguments and environments': ['cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ'],
};

type Place = keyof typeof told;

/** What a router says of itself, by where it says it: in these places, or in all. */
export async function saidBy(
  { guest }: Router,
  ...places: readonly Place[]
): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = {};
  for (const place of places.length === 0 ? (Object.keys(told) as Place[]) : places) {
    const commands = told[place];
    texts[place] = await guest.run(`(${commands.join('; ')}; true) 2>&1 | tr '\\0' ' '`, { timeoutMs: 120_000 });
  }
  return texts;
}

/** From now on, the arguments of every process that lasts for a moment; gives what was seen until then. */
export async function watchArguments({ guest }: Router): Promise<() => Promise<string>> {
  const loop =
    'while [ -e /tmp/watching ]; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "; echo; sleep 0.03; done';
  await guest.run(`touch /tmp/watching; (${loop}) >/tmp/arguments 2>/dev/null </dev/null &`);
  return async () => {
    await guest.run('rm /tmp/watching; sleep 0.5');
    const seen = (await guest.readFile('/tmp/arguments')).toString();
    await guest.run('rm /tmp/arguments');
    return seen;
  };
}
