/**
 * `approve`: routers that ask with a one-time invite become members. In: what is retained under join/+, and whom the
 * operator means, by invite, its name or node. Out: members.json, not signed yet; what was answered is cleared at the broker.
 */
import { joinFilter } from '../trust/topics.ts';
import type { Member } from '../trust/types.ts';
import { parseLabel } from '../trust/words.ts';
import { admit } from './admit.ts';
import { alone } from './alone.ts';
import type { Options } from './args.ts';
import { BrokerSession } from './broker-session.ts';
import type { Folder } from './folder.ts';
import { readInvite } from './invites.ts';
import { loginOptions, readLogin } from './login.ts';
import { plainMember } from './members.ts';
import { fail, misuse, Refused } from './refused.ts';
import { Requests, type Asked } from './requests.ts';
import { readSettings } from './settings.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatTime } from './times.ts';

export const approveOptions = {
  all: { help: 'approve every router that holds an open invite' },
  ...loginOptions,
} satisfies Options;

/** How long a broker that never falls silent is listened to. */
const longestMs = 20_000;

/** What is retained now; rubbish costs a count. */
export async function readRequests(session: BrokerSession, folder: Folder, nowUnixS: () => number): Promise<Requests> {
  const { network } = readSettings(folder);
  const requests = new Requests(folder, network);
  const hold = (topic: string, payload: Uint8Array): undefined => void requests.offer(topic, payload, nowUnixS());
  await session.retained([joinFilter(network)], hold, () => true, longestMs);
  return requests;
}

function describe(folder: Folder, { invite, node, identityKey, wireGuardKey, atUnixS }: Asked): readonly string[] {
  return [
    `${readInvite(folder, invite)?.name ?? 'nobody'}: node ${node} asks with invite ${invite}, at ${formatTime(atUnixS)}`,
    `  identity key  ${identityKey}`,
    `  WireGuard key ${wireGuardKey}`,
  ];
}

/** Whom an operand means; an invite that several routers hold has leaked, and only a node says which of them is meant. */
function meant(folder: Folder, asked: readonly Asked[], operand: string): Asked {
  // Ids are labels, too.
  if (parseLabel(operand) === undefined) {
    misuse(`wanted the id or name of an invite, or a node id, got ${JSON.stringify(operand)}`);
  }
  const byId = asked.filter((each) => each.invite === operand || each.node === operand);
  const byName = asked.filter((each) => readInvite(folder, each.invite)?.name === operand);
  const found = byId.length > 0 ? byId : byName;
  const [first, ...more] = found;
  if (first === undefined) return fail('not-asked', `wanted ${operand} among ${asked.length} requests, got none`);
  if (more.length === 0) return first;
  const nodes = found.map((each) => each.node).join(', ');
  return fail(
    'conflict',
    `wanted one router that holds invite ${operand}, got ${found.length}: name a node of ${nodes}`,
  );
}

interface Done {
  readonly approved: readonly Member[];
  readonly answered: readonly Asked[];
  readonly problems: readonly string[];
}

async function admitAll({ folder, around }: Call, chosen: readonly Asked[]): Promise<Done> {
  const [approved, answered, problems]: [Member[], Asked[], string[]] = [[], [], []];
  for (const each of chosen) {
    try {
      approved.push(await alone(folder, () => admit(folder, each, around.nowUnixS())));
      answered.push(each);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problems.push(`${each.node}: ${error.message}`);
      if (error.code === 'used') answered.push(each);
    }
  }
  return { approved, answered, problems };
}

function refusedLines({ refused, details }: Requests): readonly string[] {
  return [...refused].map(([why, count]) => `${count} requests refused as ${why}, the last: ${details.get(why)}`);
}

function plainAsked(folder: Folder, { invite, node, identityKey, wireGuardKey, atUnixS: at }: Asked) {
  const name = readInvite(folder, invite)?.name;
  return { invite, name, node, identity: identityKey, wireguard: wireGuardKey, at };
}

export async function approve(call: Call): Promise<Answer> {
  const { folder, given, around } = call;
  const operands = given.operandsAll();
  if (operands.length > 0 && given.flag('all')) misuse('wanted IDs or --all, got both');
  const session = await BrokerSession.open(readLogin(given, readSettings(folder)));
  try {
    const requests = await readRequests(session, folder, around.nowUnixS);
    const asked = requests.held;
    const chosen = given.flag('all') ? asked : operands.map((operand) => meant(folder, asked, operand));
    const lines = asked.flatMap((each) => describe(folder, each));
    const requested = asked.map((each) => plainAsked(folder, each));
    const { approved, answered, problems } = await admitAll(call, chosen);
    const over = [...answered.map(({ topic }) => topic), ...requests.hopeless];
    for (const topic of over) await session.publish(topic, new Uint8Array());
    const added = approved.map(
      ({ name, addresses }) => `added ${name} with ${addresses.join(' and ')}, not signed yet`,
    );
    if (chosen.length > 0 && approved.length === 0)
      fail('not-approved', `wanted to approve, got: ${problems.join('; ')}`);
    const none = asked.length === 0 ? ['no router asks'] : ['nobody was approved: give an ID, or --all'];
    return {
      lines: [...lines, ...(chosen.length === 0 ? none : added)],
      warnings: [...problems, ...refusedLines(requests)],
      value: {
        requests: requested,
        approved: approved.map(plainMember),
        refused: Object.fromEntries(requests.refused),
      },
    };
  } finally {
    await session.close();
  }
}
