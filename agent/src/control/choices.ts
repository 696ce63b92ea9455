/**
 * The router's own choices of exit and announced prefixes. In: arguments of the ubus methods `exit` and `announce`, and
 * the map. Out: options of UCI to write, or Fault `CHOICE` that says what was wanted; and what `status` shows of them.
 */
import type { Choices } from '../policy/desired.ts';
import { overlaps, parseCidr, rangeOf } from '../trust/ip.ts';
import type { Cidr, Member, NodeId, VerifiedMap } from '../trust/types.ts';
import { Fault, type JsonObject } from './ports.ts';

export type ChosenOptions = Readonly<Record<string, string | readonly string[] | undefined>>;

function fault(subject: string, wanted: string, got: string): Fault {
  return new Fault('CHOICE', subject, `${subject}: wanted ${wanted}, got ${got}`);
}

function isExit({ roles }: Member): boolean {
  return roles.includes('exit');
}

/** Throws Fault `CHOICE` for a member that cannot be one's exit. */
function checkExit(name: string, map: VerifiedMap | undefined, self: NodeId): void {
  if (name === 'off' || name === 'full') return;
  if (map === undefined) throw fault('exit', 'off or full while there is no map that names members', `"${name}"`);
  const exits = map.members.filter((member) => isExit(member) && member.id !== self).map((member) => member.name);
  const wanted = `off, full or a member with the role exit (${exits.length === 0 ? 'there is none' : exits.join(', ')})`;
  const member = map.members.find((each) => each.name === name);
  if (member === undefined) throw fault('exit', wanted, `"${name}", which is no member in epoch ${map.epoch}`);
  if (member.id === self) throw fault('exit', wanted, `"${name}", which is this router`);
  if (!isExit(member))
    throw fault('exit', wanted, `"${name}", which has the roles ${member.roles.join(', ') || 'none'}`);
}

/** `exit`, `lan` and `offer` of the method; what is not given stays. */
export function chooseExit(args: JsonObject, map: VerifiedMap | undefined, self: NodeId): ChosenOptions {
  const { exit, lan, offer } = args;
  if (typeof exit === 'string') checkExit(exit, map, self);
  // What is as it is without a choice is not written.
  return {
    ...(typeof exit === 'string' ? { exit: exit === 'off' ? undefined : exit } : {}),
    ...(typeof lan === 'boolean' ? { exit_lan: lan ? '1' : undefined } : {}),
    ...(typeof offer === 'boolean' ? { offer_exit: offer ? '1' : undefined } : {}),
  };
}

function parsePrefix(text: unknown, map: VerifiedMap | undefined): Cidr {
  const prefix = typeof text === 'string' ? parseCidr(text) : undefined;
  if (prefix === undefined) {
    throw fault('announce', 'a prefix without host bits, like 192.168.1.0/24', JSON.stringify(text));
  }
  const own = map?.policy.ranges.find((range) => overlaps(rangeOf(range), rangeOf(prefix)));
  if (own !== undefined) throw fault('announce', `a prefix outside ${own}, the network's own range`, prefix);
  return prefix;
}

/** `prefixes` of the method: all of them anew; none is off, not given is no change. */
export function chooseAnnounced({ prefixes }: JsonObject, map: VerifiedMap | undefined): ChosenOptions {
  if (!Array.isArray(prefixes)) return {};
  const announced = [...new Set((prefixes as readonly unknown[]).map((each) => parsePrefix(each, map)))];
  return { announce: announced.length === 0 ? undefined : announced };
}

/** `granted`: the map has the prefix as a subnet of this router; only what is both is routed. */
export function choicesReport(choices: Choices, map: VerifiedMap | undefined, self: NodeId): JsonObject {
  const granted = map?.members.find(({ id }) => id === self)?.subnets ?? [];
  return {
    exit: choices.exit,
    exit_lan: choices.exitLan,
    offer_exit: choices.offersExit,
    announced: choices.announced.map((prefix) => ({ prefix, granted: granted.includes(prefix) })),
    not_announced: granted.filter((prefix) => !choices.announced.includes(prefix)),
  };
}
