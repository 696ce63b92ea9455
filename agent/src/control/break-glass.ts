/**
 * Break-glass: for a bounded time, and on the record, a person on this router adds one peer by hand (policy/override.ts).
 * In: calls of the ubus method, what the router's UCI allows, the monotonic clock. Out: the override while it lasts.
 * It lives in this process alone. Nothing on flash can bring it back and no clock that is set moves its end: a restart of
 * the agent or of the router ends it, and the audit log, where it was open, says so.
 */
import type { LocalNetwork } from '../plan/observed.ts';
import { openedTo, overrideRefusal, type ManualPeer, type Override, type Taken } from '../policy/override.ts';
import type { AuditMoment } from '../trust/audit.ts';
import type { Member, VerifiedMap } from '../trust/types.ts';
import type { Audit } from './audit.ts';
import { parseConfig, type Config } from './config.ts';
import type { Identity } from './identity.ts';
import { fault, parseOpening, textOf } from './override-words.ts';
import { Fault, type JsonObject, type Settings } from './ports.ts';
import type { Outcome } from './reconcile.ts';

export interface Opening extends Override {
  readonly who: string;
  readonly reason: string;
  /** For people; it ends by `endsAtS`. */
  readonly untilUnixS: number;
  /** Of the monotonic clock: no lease of the kernel lasts longer. */
  readonly endsAtS: number;
}
/** What is so at this moment. */
export interface Facts {
  readonly config: Config;
  readonly identity: Identity;
  /** The map in force, or why there is none. */
  readonly map: VerifiedMap | string;
  readonly outcome: Outcome | undefined;
  readonly unfit: Fault | undefined;
  readonly moment: AuditMoment;
}
export interface Around {
  readonly audit: Audit;
  readonly settings: Settings;
  readonly monotonicS: () => number;
  facts(): Facts;
  /** Resolve when a run that began afterwards has ended; `reload` reads the settings first. */
  next(): Promise<void>;
  reload(): Promise<void>;
}

/** It ends so much before its time: the run that closes it renews the lease for everybody else before that ends. */
const earlyS = 5;
const hourS = 3600;
const maxOpeningsAnHour = 6;

/** Why nobody may override anything now. */
function forbidden({ config, unfit, outcome }: Facts): string | undefined {
  if (!config.breakGlass) return 'wanted rustynet.main.break_glass=1 in the UCI of this router, got 0';
  if (!config.enabled) return 'wanted rustynet.main.enabled=1, got 0';
  if (config.membership === undefined) return 'wanted a router that joined a network, got one that joined none';
  // The name of our interface may be another's.
  if (unfit?.code === 'SECTION') return unfit.message;
  return outcome === undefined ? 'wanted a kernel that was looked at, got none yet' : outcome.closedBecause;
}

function membersOf({ map }: Facts): readonly Member[] {
  return typeof map === 'string' ? [] : map.members;
}

function refusalOf(peer: ManualPeer, facts: Facts): string | undefined {
  const { locals = [], uplinks = [] } = facts.outcome?.observed ?? {};
  const taken = (networks: readonly LocalNetwork[]): Taken[] =>
    networks.flatMap(({ name, prefixes }) => prefixes.map((prefix) => ({ prefix, by: `${name} here` })));
  return overrideRefusal(peer, facts.identity.wireGuardKey, membersOf(facts), [...taken(locals), ...taken(uplinks)]);
}

function ownMember(facts: Facts): Member | undefined {
  return membersOf(facts).find(({ id }) => id === facts.identity.id);
}

/** What is to be typed: the router's name, or without a map the start of its node id. */
function wordOf(facts: Facts): string {
  return ownMember(facts)?.name ?? facts.identity.id.slice(0, 8);
}

export function openingReport({ who, reason, peer, untilUnixS }: Opening): JsonObject {
  const { publicKey, allowedIps, endpoint = null } = peer;
  return { who, reason, peer: publicKey, allowed_ips: allowedIps, endpoint, until: untilUnixS };
}

export function overrideWords({ who, reason, untilUnixS }: Opening): string {
  return `${who} opened it until ${new Date(untilUnixS * 1000).toISOString().replace('.000Z', 'Z')}: "${reason}"`;
}

export class BreakGlass {
  readonly #around: Around;
  #opening: Opening | undefined;
  #openedAtS: readonly number[] = [];

  constructor(around: Around) {
    this.#around = around;
  }

  /** What an agent before this one had open is so no more. */
  start(moment: AuditMoment): void {
    const last = this.#around.audit.last('break-glass');
    if (last?.fields['what'] !== 'opened') return;
    this.#tell({ ...last.fields, what: 'ended', why: 'the agent or the router was started anew' }, moment);
  }

  get current(): Opening | undefined {
    return (this.leftS ?? 0) > 0 ? this.#opening : undefined;
  }

  /** `undefined` when nothing is overridden. */
  get leftS(): number | undefined {
    return this.#opening && this.#opening.endsAtS - earlyS - this.#around.monotonicS();
  }

  report(): JsonObject {
    const opening = this.current;
    const open = opening === undefined ? null : { ...openingReport(opening), left_s: Math.ceil(this.leftS ?? 0) };
    const facts = this.#around.facts();
    return { allowed: facts.config.breakGlass, confirm: wordOf(facts), open };
  }

  /** Ends what is over, what is allowed no more, and what has become somebody else's: a map that came goes first. */
  review(): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    const facts = this.#around.facts();
    const why = forbidden(facts) ?? refusalOf(opening.peer, facts);
    if (this.current === undefined) this.#end('expired', 'its time is over');
    else if (why !== undefined) this.#end('ended', why);
  }

  /** The ubus method. Throws Fault `BREAK_GLASS`, which is in the audit log then. */
  async call(args: JsonObject): Promise<JsonObject> {
    const { action } = args;
    if (action === 'status') {
      await this.#readPermission();
      return this.report();
    }
    // What is over and was not yet seen by a run has an end of its own in the log.
    this.review();
    try {
      if (action === 'open') await this.#open(args);
      else if (action === 'close') this.#close(args);
      else throw fault('open, close or status', action);
    } catch (error) {
      if (error instanceof Fault) this.#refused(args, error.message);
      throw error;
    }
    await this.#around.next();
    return this.report();
  }

  /** What is committed at the command line is told to nobody: it is read anew. */
  async #readPermission(): Promise<void> {
    const { breakGlass } = parseConfig(await this.#around.settings.read());
    if (breakGlass !== this.#around.facts().config.breakGlass) await this.#around.reload();
  }

  async #open(args: JsonObject): Promise<void> {
    await this.#readPermission();
    const facts = this.#around.facts();
    const { config, outcome, moment } = facts;
    const no = forbidden(facts);
    if (no !== undefined) throw fault(no);
    const { peer, minutes, reason, who } = parseOpening(args, wordOf(facts));
    const refusal = refusalOf(peer, facts);
    if (refusal !== undefined) throw fault(refusal);
    const networks = (outcome?.observed.locals ?? []).flatMap(({ prefixes }) => prefixes);
    if (openedTo(config.choices, ownMember(facts)?.addresses ?? [], networks).length === 0) {
      throw fault('wanted a LAN of this router that it announces, got none; "rustynet announce PREFIX"');
    }
    const nowS = this.#around.monotonicS();
    this.#requireRoom(nowS);
    const seconds = minutes * 60;
    const times = { untilUnixS: moment.atUnixS + seconds, endsAtS: nowS + seconds };
    const opening = { peer, networks, who, reason, ...times };
    const fields = { what: 'opened', ...recorded(opening), allowed_ips: peer.allowedIps.join(' ') };
    if (!this.#around.audit.keep({ event: 'break-glass', fields }, moment)) {
      throw fault('wanted it in the audit log first, got a flash that does not take it');
    }
    this.#openedAtS = [...this.#openedAtS, nowS];
    this.#opening = opening;
  }

  #requireRoom(nowS: number): void {
    if (this.current !== undefined) throw fault('none that is open, to open another', this.current.peer.publicKey);
    this.#openedAtS = this.#openedAtS.filter((atS) => nowS - atS < hourS);
    if (this.#openedAtS.length < maxOpeningsAnHour) return;
    throw fault(`${maxOpeningsAnHour} openings an hour at most`, this.#openedAtS.length + 1);
  }

  #close({ who }: JsonObject): void {
    const by = textOf('who closes it', who);
    if (this.current === undefined) throw fault('one that is open, to close it', undefined);
    this.#end('closed', `closed by ${by}`);
  }

  #end(what: 'expired' | 'closed' | 'ended', why: string): void {
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening !== undefined) this.#tell({ what, ...recorded(opening), why }, this.#around.facts().moment);
  }

  /** Six fields at most: the log has room for eight, and counts with two. */
  #tell({ what = '', who = '', reason = '', peer = '', until = 0, why = '' }: Fields, moment: AuditMoment): void {
    const { audit } = this.#around;
    const happening = { event: 'break-glass', fields: { what, who, reason, peer, until, why } } as const;
    if (!audit.keep(happening, moment)) audit.record([happening], moment);
  }

  #refused({ who, reason, peer, allowed_ips: ips }: JsonObject, why: string): void {
    const asked = { who: said(who), reason: said(reason), peer: said(peer), allowed_ips: said(ips) };
    const { audit, facts } = this.#around;
    audit.record([{ event: 'break-glass-refused', fields: { why, ...asked } }], facts().moment);
  }
}

type Fields = Parameters<Audit['record']>[0][number]['fields'];

/** What a line of the log says of it. */
function recorded({ who, reason, peer, untilUnixS }: Opening): Fields {
  const at = peer.endpoint === undefined ? '' : ` at ${peer.endpoint}`;
  return { who, reason, peer: `${peer.publicKey}${at}`, until: untilUnixS };
}

function said(value: unknown): string {
  return Array.isArray(value) ? value.join(' ') : typeof value === 'string' ? value : '';
}
