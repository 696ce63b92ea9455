/**
 * `rustynet break-glass open|close|status`. In: words, the daemon, a terminal. Out: its answer, as data and as lines.
 * To open it a person types the router's name, here and each time: without a terminal nothing is typed, and the daemon,
 * which asks for it, refuses that and puts it on the record.
 */
import { readlinkSync, readSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isatty } from 'node:tty';
import type { JsonObject } from './control/ports.ts';

type Ask = (method: string, args: JsonObject) => Promise<JsonObject>;
export interface Person {
  /** For the record. */
  readonly who: string;
  /** One line that was typed in answer; `undefined` where there is no terminal. */
  readonly type: ((question: string) => string) | undefined;
}

const options: Readonly<Record<string, string>> = {
  '--peer': 'peer',
  '--allowed-ips': 'allowed_ips',
  '--endpoint': 'endpoint',
  '--minutes': 'minutes',
  '--reason': 'reason',
};
const required = ['peer', 'allowed_ips', 'minutes', 'reason'];

/** `undefined` for wrong usage; what the values must be is the daemon's to say. */
function openingArguments(words: readonly string[]): JsonObject | undefined {
  const entries = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) {
    const [option = '', value] = words.slice(at, at + 2);
    const name = Object.hasOwn(options, option) ? options[option] : undefined;
    if (name === undefined || value === undefined || entries.has(name)) return undefined;
    entries.set(name, value);
  }
  const { allowed_ips: ips = '', minutes = '', ...rest } = Object.fromEntries(entries);
  if (!required.every((name) => entries.has(name)) || !/^[0-9]{1,9}$/.test(minutes)) return undefined;
  return { ...rest, allowed_ips: ips.split(','), minutes: Number(minutes) };
}

export function isBreakGlass([action = '', ...words]: readonly string[]): boolean {
  if (action === 'open') return openingArguments(words) !== undefined;
  return (action === 'close' || action === 'status') && words.length === 0;
}

function question({ peer, allowed_ips: ips, endpoint, minutes, reason }: JsonObject, word: string): string {
  return [
    `This overrides on "${word}" what the operator signed, and is recorded and reported.`,
    `  peer         ${peer}${endpoint === undefined ? '' : ` at ${endpoint}`}`,
    `  allowed IPs  ${(ips as readonly string[]).join(' ')}`,
    `  for          ${minutes} min, because: ${reason}`,
    `Type ${word} to open it: `,
  ].join('\n');
}

export async function askBreakGlass(
  ask: Ask,
  [action = '', ...words]: readonly string[],
  { who, type }: Person,
): Promise<{ readonly data: JsonObject; readonly status: number }> {
  const args = (action === 'open' && openingArguments(words)) || {};
  const { allowed, confirm } = await ask('break_glass', { action: 'status' });
  // Where it is refused anyway, nobody has to type first.
  const isAsked = action === 'open' && allowed === true && type !== undefined;
  const typed = isAsked ? type(question(args, String(confirm))) : '';
  const data = await ask('break_glass', { ...args, action, who, confirm: typed });
  return { data, status: data['error'] === undefined ? 0 : 1 };
}

function typeLine(text: string): string {
  process.stderr.write(text);
  // A terminal gives one line at a time, and nothing at its end.
  const bytes = Buffer.alloc(256);
  return bytes.subarray(0, readSync(0, bytes)).toString('utf8').trim();
}

/** Who sits there, as far as the kernel and sshd tell. */
export function personHere(): Person {
  const isTerminal = isatty(0) && isatty(2);
  const place = isTerminal ? readlinkSync('/proc/self/fd/0') : 'no terminal';
  const [from] = (process.env['SSH_CONNECTION'] ?? '').split(' ');
  const who = `${userInfo().username} on ${place}${from ? ` from ${from}` : ''}`;
  return { who, type: isTerminal ? typeLine : undefined };
}
