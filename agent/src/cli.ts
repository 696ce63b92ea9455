/**
 * `rustynet`, the router's command line. In: arguments. Out: text for people, `--json` for programs, an exit status:
 * 0 done, 1 refused or failed, 2 wrong usage, 3 the daemon does not answer, 4 (status) not enforced, 5 (audit) not whole.
 * It asks the daemon through ubus and knows nothing itself.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { askAudit, auditText, auditWords } from './audit-command.ts';
import { askBreakGlass, isBreakGlass, personHere } from './break-glass-command.ts';
import { Fault, type JsonObject, type Ubus } from './control/ports.ts';
import { connectUbus } from './drivers/ubus.ts';
import { breakGlassLines, checkLines, choiceLines, joinText, netchecks, peerLines, statusLines } from './text.ts';
import { coloured, watch, type Said, type Screen } from './watch.ts';
import { withoutDaemon } from './without-daemon.ts';

export const ubusSocket = '/var/run/ubus/ubus.sock';

const usage = `usage: rustynet <command> [--json] [--watch]
  status            state, epoch, expiry, floors, refusals, flash writes
  peers             peers, whether each is up, quiet or down, and why
  join <invite>     join a network, or take another broker of it; "-" reads the invite from standard input
  leave             leave the network and forget it
  rotate-key        make the next WireGuard key, which is used from the first map on that has it
  exit              which exit this router uses and whether it is one; to choose:
    exit off|full|<member>, exit lan on|off, exit offer on|off
  announce          prefixes behind this router that the mesh may reach; to choose:
    announce <prefix>..., announce off
  netcheck          what this router needs and has, also without the daemon
  report            all that somebody who helps would ask for; no key and no password is in it
  audit show        what happened on this router
  audit verify      whether its record of that is whole, or where it is not
  audit export      the record as it is on flash, and its head
  break-glass open --peer <key> --allowed-ips <prefix>,... [--endpoint <address>:<port>] --minutes <1 to 60> --reason <text>
                    override the map for a while, where UCI allows it; asks on a terminal
  break-glass close, break-glass status
  version
status, peers and netcheck take --watch: they show it again every 2 s
examples:
  rustynet join - <invite.txt       rustynet exit attic
  rustynet peers --watch            rustynet status --json | jsonfilter -e @.state
exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 the daemon does not answer, 4 status: not enforced,
  5 audit verify: not whole
`;

type Command = (
  ubus: Ubus,
  words: readonly string[],
) => Promise<{ readonly data: JsonObject; readonly status: number }>;

/** Joining and choosing write to flash and to UCI and wait for the kernel, which takes its time on a small router. */
const timeoutMs = 60_000;
/** ubusd is there or it is not. */
const connectMs = 5_000;

const call = (ubus: Ubus, method: string, args: JsonObject = {}): Promise<JsonObject> =>
  ubus.call('rustynet', method, args, timeoutMs);

async function asked(ubus: Ubus, method: string, args: JsonObject = {}): Promise<{ data: JsonObject; status: number }> {
  const data = await call(ubus, method, args);
  return { data, status: data['error'] === undefined ? 0 : 1 };
}

/** All pages as one. */
async function allPeers(ubus: Ubus): Promise<{ data: JsonObject; status: number }> {
  const peers: JsonObject[] = [];
  for (let args: JsonObject = {}; ;) {
    const { data, status } = await asked(ubus, 'peers', args);
    if (status !== 0) return { data, status };
    peers.push(...(data['peers'] as readonly JsonObject[]));
    if (data['next'] === undefined) return { data: { peers }, status: 0 };
    args = { offset: data['next'] };
  }
}

type Fits = (words: readonly string[]) => boolean;
/** Which arguments a command takes, as `usage` says it; none if not here. */
const fits: Readonly<Record<string, Fits>> = {
  join: ({ length }) => length === 1,
  exit: ([first, second, ...more]) => {
    const isSwitch = first === 'lan' || first === 'offer';
    return more.length === 0 && (isSwitch ? second === 'on' || second === 'off' : second === undefined);
  },
  announce: () => true,
  'break-glass': isBreakGlass,
  audit: ([first = '', ...more]) => auditWords.includes(first) && more.length === 0,
};

function exitArguments([first, second]: readonly string[]): JsonObject {
  if (first === undefined) return {};
  return second === undefined ? { exit: first } : { [first]: second === 'on' };
}

const commands: Readonly<Record<string, Command>> = {
  status: async (ubus) => {
    const data = await call(ubus, 'status');
    return { data, status: data['state'] === 'enforced' ? 0 : 4 };
  },
  peers: allPeers,
  join: (ubus, [invite = '']) =>
    asked(ubus, 'join', { invite: invite === '-' ? readFileSync(0, 'utf8').trim() : invite }),
  leave: (ubus) => asked(ubus, 'leave'),
  'rotate-key': (ubus) => asked(ubus, 'rotate_key'),
  exit: (ubus, words) => asked(ubus, 'exit', exitArguments(words)),
  announce: (ubus, words) =>
    asked(ubus, 'announce', words.length === 0 ? {} : { prefixes: words.join() === 'off' ? [] : words }),
  audit: (ubus, [what = '']) => askAudit((args) => call(ubus, 'audit', args), what),
  'break-glass': (ubus, words) => askBreakGlass((method, args) => call(ubus, method, args), words, personHere()),
  netcheck: async (ubus) => {
    const data = { ...(await call(ubus, 'status')), ...(await allPeers(ubus)).data };
    return { data, status: netchecks(data).every(({ good }) => good) ? 0 : 1 };
  },
};

function render(command: string, [what = '']: readonly string[], data: JsonObject): string {
  const { error } = data;
  if (error !== undefined) return `rustynet ${command}: ${(error as { message?: string }).message ?? 'failed'}`;
  if (command === 'audit') return auditText(what, data);
  if (command === 'break-glass') return breakGlassLines(data).join('\n');
  if (command === 'status') return statusLines(data).join('\n');
  if (command === 'peers') return peerLines(data, Date.now() / 1000).join('\n');
  if (command === 'netcheck') return checkLines(netchecks(data)).join('\n');
  if (command === 'exit' || command === 'announce') return choiceLines(data).join('\n');
  if (command === 'rotate-key') {
    const { name, next_wireguard_key: next } = data as Record<string, string | null>;
    return `the key in use stays until a map has the next one; for the operator:\n  rustynet-operator member rotate ${name ?? 'NAME'} --wireguard ${next ?? ''}`;
  }
  if (command === 'join') return joinText(data);
  return 'done';
}

async function ask(name: string, command: Command, words: readonly string[], json: boolean): Promise<Said> {
  const ubus = connectUbus({ path: ubusSocket, connectMs });
  try {
    const { data, status } = await command(ubus, words);
    const text = json ? JSON.stringify(data, undefined, 2) : render(name, words, data);
    const isError = data['error'] !== undefined && !json;
    return { text: text.endsWith('\n') ? text : `${text}\n`, status, isError };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const body = JSON.stringify({ error: { code: error.code, message: error.message } });
    const text = json ? body : await withoutDaemon(name, error);
    return { text: `${text}\n`, status: 3, isError: !json };
  } finally {
    ubus.close();
  }
}

const watchMs = 2000;
const watchable = ['status', 'peers', 'netcheck'];

const screenOf = (stream: NodeJS.WriteStream): Screen => ({
  isTerminal: stream.isTTY,
  hasColour: stream.isTTY && (process.env['NO_COLOR'] ?? '') === '',
  write: (text) => void stream.write(text),
});

async function answer(asking: () => Promise<Said>, isWatched: boolean): Promise<number> {
  if (isWatched) return watch(asking, screenOf(process.stdout), () => setTimeout(watchMs));
  const { text, status, isError } = await asking();
  const screen = screenOf(isError ? process.stderr : process.stdout);
  screen.write(coloured(text, screen));
  return status;
}

function complaint(name: string, words: readonly string[], isWatched: boolean): string | undefined {
  if (!Object.hasOwn(commands, name)) return `a command, got "${name}"`;
  if (isWatched && !watchable.includes(name)) return `one of ${watchable.join(' ')} with --watch, got ${name}`;
  if ((fits[name] ?? (({ length }) => length === 0))(words)) return undefined;
  return `arguments of ${name} as below, got ${words.length === 0 ? 'none' : words.join(' ')}`;
}

export async function runCli(argv: readonly string[], version: string): Promise<number> {
  const [json, isWatched] = ['--json', '--watch'].map((flag) => argv.includes(flag)) as [boolean, boolean];
  const [name = '', ...words] = argv.filter((each) => each !== '--json' && each !== '--watch');
  if (name === 'version' || name === '--version') {
    process.stdout.write(json ? `${JSON.stringify({ version })}\n` : `${version}\n`);
    return 0;
  }
  if (name === 'help' || [name, words[0]].some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(usage);
    return 0;
  }
  const [problem, command] = [complaint(name, words, isWatched), commands[name]];
  if (problem === undefined && command !== undefined) return answer(() => ask(name, command, words, json), isWatched);
  process.stderr.write(`${name === '' ? '' : `rustynet: wanted ${problem}\n`}${usage}`);
  return 2;
}
