/**
 * A question about the policy: `laptop -> home tcp:22`, `laptop -> 192.168.1.7 icmp`, `laptop -> internet via home any`.
 * In: the text, the network. Out: a verdict for each address that it means. A name means a member's mesh addresses.
 */
import { explain, type Granting, type Ground, type Packet, type Verdict } from '../policy/explain.ts';
import { parseIp, rangeOf } from '../trust/ip.ts';
import type { Ip, Label, Protocol } from '../trust/types.ts';
import { parseLabel, parseProtocol } from '../trust/words.ts';

export interface Question {
  readonly from: string;
  readonly to: string;
  readonly via?: Label;
  readonly protocol: Protocol;
}
export const questionForm = '"A -> B PROTOCOL" or "A -> internet [via MEMBER] PROTOCOL", with one port';

/** A port at a time: a range may be granted in part, and then no yes or no is true. */
function parseAsked(text: string): Protocol | undefined {
  return text.includes('-') ? undefined : parseProtocol(text);
}

export function parseQuestion(text: string): Question | undefined {
  const [, from = '', to = '', exit, asked = ''] =
    /^\s*(\S+)\s*->\s*(\S+)(?:\s+via\s+(\S+))?\s+(\S+)\s*$/.exec(text) ?? [];
  const [protocol, via] = [parseAsked(asked), exit === undefined ? undefined : parseLabel(exit)];
  const known = [from, to].every((end) => parseIp(end) ?? parseLabel(end));
  if (!known || protocol === undefined || from === 'internet') return undefined;
  if (exit === undefined) return { from, to, protocol };
  return to === 'internet' && via !== undefined ? { from, to, via, protocol } : undefined;
}

export function formatQuestion({ from, to, via, protocol }: Question): string {
  return `${from} -> ${to}${via === undefined ? '' : ` via ${via}`} ${protocol}`;
}

/** The members that it names and that are not there. */
export function strangersIn({ from, to, via }: Question, { members }: Ground): readonly string[] {
  const names = [from, to, ...(via === undefined ? [] : [via])].filter((end) => end !== 'internet' && !parseIp(end));
  return names.filter((name) => !members.some((member) => member.name === name));
}

export interface Reply {
  readonly granted: 'yes' | 'no' | 'in part';
  readonly verdicts: readonly Verdict[];
}

/** Every pair of addresses of one family. */
export function ask(ground: Ground, { from, to, via, protocol }: Question): Reply {
  const addressesOf = (end: string): readonly Ip[] => {
    const address = parseIp(end);
    return address === undefined ? (ground.members.find(({ name }) => name === end)?.addresses ?? []) : [address];
  };
  type Pair = readonly [from: Ip, to: Packet['to']];
  const targets: readonly Packet['to'][] = to === 'internet' ? [to] : addressesOf(to);
  const all = addressesOf(from).flatMap((source) => targets.map((target): Pair => [source, target]));
  const alike = all.filter(
    ([source, target]) => target === 'internet' || rangeOf(source).family === rangeOf(target).family,
  );
  // Two addresses of different families are asked as they are: the verdict says what is wrong with them.
  const pairs = alike.length === 0 ? all : alike;
  const verdicts = pairs.map(([source, target]) =>
    explain(ground, { from: source, to: target, ...(via === undefined ? {} : { via }), protocol }),
  );
  const granted = verdicts.filter(({ by }) => by.length > 0).length;
  return { granted: granted === 0 ? 'no' : granted < verdicts.length ? 'in part' : 'yes', verdicts };
}

function describeGranting({ kind, number, from, to, protocol }: Granting, texts: Texts): string {
  return `${kind} ${number} (${texts(kind, number)}), by ${from} -> ${to} ${protocol}`;
}
/** The text of a rule or exit by its number. */
export type Texts = (kind: Granting['kind'], number: number) => string;

export function describeVerdict({ packet, by, why }: Verdict, texts: Texts): readonly string[] {
  const { from, to, via } = packet;
  const pair = `${from} -> ${to}${via === undefined ? '' : ` via ${via}`}`;
  if (by.length === 0) return [`${pair}: not granted: ${why}`];
  return by.map((each) => `${pair}: granted by ${describeGranting(each, texts)}`);
}
