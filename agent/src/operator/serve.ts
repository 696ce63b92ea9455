/**
 * `serve`: the operator's tool as a service. In: the folder, a login, the passphrase. Out: routers that ask with an open
 * invite are members as they come; each change is signed and published, a map is signed again at half its life, and what
 * was answered is cleared at the broker. It ends with SIGTERM, and whatever it was at, a start goes on from there.
 * What comes is anybody's: requests.ts and listener.ts bound what it costs.
 */
import { joinFilter } from '../trust/topics.ts';
import { maxJoinBytes } from '../trust/limits.ts';
import type { NetworkId, VerifiedMap } from '../trust/types.ts';
import { admit } from './admit.ts';
import { alone } from './alone.ts';
import type { Options } from './args.ts';
import { BrokerSession } from './broker-session.ts';
import { readContent } from './content.ts';
import { listInvites } from './invites.ts';
import { openKey, passphrase, passphraseOption } from './keys.ts';
import { lookFirst } from './in-step.ts';
import { Listener } from './listener.ts';
import { loginOptions, readLogin } from './login.ts';
import { publish } from './publish.ts';
import { fail, Refused } from './refused.ts';
import { Requests } from './requests.ts';
import { readSettings } from './settings.ts';
import { sign } from './sign.ts';
import { newest, readRoots, readSignedMap } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatTime } from './times.ts';

export const serveOptions = { ...loginOptions, 'passphrase-file': passphraseOption } satisfies Options;

export interface Pace {
  /** Between two looks at the clock, the counts and what is still owed. */
  readonly lookMs: number;
  /** After a router came in: others that come meanwhile are in the same map. */
  readonly gatherMs: number;
  readonly maxPerS: number;
}
const usual: Pace = { lookMs: 60_000, gatherMs: 1_000, maxPerS: 500 };

/** So many refusals between two looks are a flood, in which the broker may have dropped who is honest. */
const floodOf = 1_000;

/** From this share of a map's life on it is signed again. */
const signAgainAfter = 0.5;

const isOld = ({ issuedUnixS, expiresUnixS }: VerifiedMap, nowUnixS: number): boolean =>
  nowUnixS >= issuedUnixS + signAgainAfter * (expiresUnixS - issuedUnixS);

export class Service {
  readonly #call: Call;
  readonly #pace: Pace;
  readonly #network: NetworkId;
  readonly #requests: Requests;
  #listener: Listener | undefined;
  #owesPublication = false;
  /** Another copy of the folder published: until this one has what was decided there, nobody is let in by it. */
  #isBehind = false;
  /** Some could not be answered now: all that is retained is to be read again. */
  #hasLeft = false;
  #releasing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: Call, pace: Pace) {
    this.#call = call;
    this.#pace = pace;
    this.#network = readSettings(call.folder).network;
    this.#requests = new Requests(call.folder, this.#network);
  }

  /** Until it is told to end. */
  async run(): Promise<void> {
    const { folder, given, around } = this.#call;
    const login = readLogin(given, readSettings(folder));
    const session = await BrokerSession.open(login);
    await session.close();
    const stop = around.stop?.();
    this.#listener = new Listener(login, session.version, {
      filter: joinFilter(this.#network),
      maxBytes: maxJoinBytes,
      maxPerS: this.#pace.maxPerS,
      onMessage: (topic, payload) => this.#hear(topic, payload),
      onUp: () => {
        this.#say(`listening at ${login.url}`);
        // A broker may have lost what it retained.
        this.#owesPublication = true;
        this.#release();
      },
      onDown: (reason) => this.#say(`lost the broker: ${reason}`),
    });
    const looking = setInterval(() => this.#look(), this.#pace.lookMs);
    await ended(stop);
    clearInterval(looking);
    clearTimeout(this.#timer);
    await this.#releasing;
    await this.#listener.close();
  }

  #say(text: string): void {
    const { given, around } = this.#call;
    const at = around.nowUnixS();
    around.stdout(given.flag('json') ? `${JSON.stringify({ at, text })}\n` : `${formatTime(at)} ${text}\n`);
  }

  /** One message; the next comes when this has ended. */
  async #hear(topic: string, payload: Uint8Array): Promise<void> {
    if (payload.length === 0) return;
    try {
      if (await this.#answer(topic, payload)) await this.#listener?.clear(topic);
      else this.#hasLeft = true;
    } catch (error) {
      this.#hasLeft = true;
      this.#say(`a request could not be dealt with: ${wordsOf(error)}`);
    }
  }

  /** False when it is to be looked at again. */
  async #answer(topic: string, payload: Uint8Array): Promise<boolean> {
    const { folder, around } = this.#call;
    if (this.#isBehind) return false;
    const before = this.#requests.refused.get('locked') ?? 0;
    if (!this.#requests.offer(topic, payload, around.nowUnixS())) {
      return (this.#requests.refused.get('locked') ?? 0) === before;
    }
    const asked = this.#requests.take(topic);
    if (asked === undefined) return true;
    try {
      const { name, addresses } = await alone(folder, () => admit(folder, asked, around.nowUnixS()));
      this.#say(`let in ${name}, node ${asked.node}, by invite ${asked.invite}, with ${addresses.join(' and ')}`);
      this.#releaseSoon();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#say(`node ${asked.node} was not let in: ${error.message}`);
      return ['used', 'expired', 'revoked', 'unknown-invite'].includes(error.code);
    }
  }

  /** Every minute: what was refused, what is owed, and whether the map grows old. */
  #look(): void {
    for (const [why, count] of this.#requests.refused) {
      this.#say(`refused ${count} requests as ${why}, the last: ${this.#requests.details.get(why)}`);
    }
    const refused = [...this.#requests.refused.values()].reduce((sum, count) => sum + count, 0);
    this.#requests.clear();
    if (this.#hasLeft || refused >= floodOf) this.#listener?.again();
    this.#hasLeft = false;
    this.#release();
  }

  #releaseSoon(): void {
    this.#timer ??= setTimeout(() => this.#release(), this.#pace.gatherMs);
  }

  #release(): void {
    this.#timer = undefined;
    this.#releasing ??= this.#signAndPublish()
      .then(() => void (this.#isBehind = false))
      .catch((error: unknown) => {
        this.#isBehind ||= error instanceof Refused && ['fork', 'rollback'].includes(error.code);
        this.#say(`could not sign and publish, tries again: ${wordsOf(error)}`);
      })
      .finally(() => (this.#releasing = undefined));
  }

  async #signAndPublish(): Promise<void> {
    const { folder, given, around } = this.#call;
    if (isOwed(this.#call)) {
      await lookFirst(this.#call);
      this.#tell(await alone(folder, () => sign({ folder, around, given: given.withFlag('yes') })));
      this.#owesPublication = true;
    }
    if (!this.#owesPublication || readSignedMap(folder, readRoots(folder, readSettings(folder))) === undefined) return;
    this.#tell(await publish(this.#call));
    this.#owesPublication = false;
    // Who came in while it was signed is in the next one.
    if (isOwed(this.#call)) this.#releaseSoon();
  }

  #tell({ lines, warnings = [] }: Answer): void {
    for (const line of lines) this.#say(line);
    for (const warning of warnings) this.#say(`warning: ${warning}`);
  }
}

/** Whether the last map is old, of keys that were replaced, or without a router that an invite let in. */
function isOwed({ folder, around }: Call): boolean {
  const settings = readSettings(folder);
  const last = readSignedMap(folder, readRoots(folder, settings));
  const used = listInvites(folder).flatMap(({ end }) =>
    end?.state === 'used' && end.isAdded ? [end.identityKey] : [],
  );
  if (last === undefined) return used.length > 0;
  const signed = new Set(last.map.members.map(({ identityKey }) => identityKey));
  const decided = new Set(readContent(folder, settings).members.map(({ identityKey }) => identityKey));
  return last.retired || isOld(last.map, around.nowUnixS()) || used.some((key) => decided.has(key) && !signed.has(key));
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function ended(stop: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (stop?.aborted === true) resolve();
    stop?.addEventListener('abort', () => resolve(), { once: true });
  });
}

export async function serve(call: Call, pace: Pace = usual): Promise<Answer> {
  const { folder, around } = call;
  const { root } = newest(readRoots(folder, readSettings(folder)));
  if (root.map.threshold > 1) {
    const wanted = 'wanted a root whose maps one key signs';
    fail(
      'too-few-signers',
      `${wanted}, got one that asks for ${root.map.threshold}: approve, sign and carry the map by hand`,
    );
  }
  // Asked once, and tried before anybody is let in.
  const secret = await passphrase(call);
  await openKey(folder, 'map', root, secret);
  const env = { ...around.env, RUSTYNET_PASSPHRASE: secret };
  await new Service({ ...call, around: { ...around, env } }, pace).run();
  return { lines: ['ended'], value: { ended: true } };
}
