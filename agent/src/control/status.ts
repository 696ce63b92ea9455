/**
 * What the agent says of itself: the answer of `ubus call rustynet status`, and the signed status on MQTT.
 * In: the agent's parts. Out: plain JSON; times are Unix seconds; nothing in it is a secret.
 */
import type { Judgement } from '../plan/judge.ts';
import type { Choices } from '../policy/desired.ts';
import { encodeEnvelope, pae } from '../trust/dsse.ts';
import { statusType } from '../trust/limits.ts';
import { duration } from '../trust/times.ts';
import type { Floors, InviteId, NetworkId, VerifiedMap } from '../trust/types.ts';
import { keyIdOf } from '../trust/words.ts';
import { encodeUtf8 } from '../wire/utf8.ts';
import type { Refusals } from './refusals.ts';
import { choicesReport } from './choices.ts';
import type { Identity } from './identity.ts';
import type { LapsMs } from './laps.ts';
import type { BrokerState, JsonObject } from './ports.ts';
import type { Outcome } from './reconcile.ts';
import type { ClockSource } from './time.ts';

export interface Report {
  readonly version: string;
  readonly identity: Identity;
  readonly judgement: Judgement;
  readonly nowUnixS: number;
  readonly clock: ClockSource;
  readonly network: NetworkId | undefined;
  /** By which this router asks to be let in. */
  readonly invite: InviteId | undefined;
  readonly map: VerifiedMap | undefined;
  readonly floors: Floors | undefined;
  readonly refusals: Pick<Refusals, 'counts' | 'last'> | undefined;
  readonly broker: BrokerState | undefined;
  readonly outcome: Outcome | undefined;
  readonly changeMs: LapsMs;
  readonly leaseS: number;
  /** As `break_glass` of the answer: whether UCI allows it, and what is open. */
  readonly breakGlass: JsonObject;
  readonly flashWrites: number;
  readonly choices: Choices;
  readonly problems: readonly string[];
}

/** Share of a map's life after which every surface warns. */
const warnAfter = 0.75;

function warnings({ map, nowUnixS, broker, breakGlass }: Report): readonly string[] {
  const rows: string[] = [];
  const open = breakGlass['open'] as JsonObject | null;
  if (open !== null) rows.push(`break-glass is open for ${open['left_s']} s: "rustynet break-glass close" ends it`);
  if (map !== undefined) {
    const spent = (nowUnixS - map.issuedUnixS) / (map.expiresUnixS - map.issuedUnixS);
    if (spent >= warnAfter) {
      rows.push(`the map expires in ${duration(map.expiresUnixS - nowUnixS)}: ask the operator to sign a new one`);
    }
  }
  if (broker?.connected === false) rows.push(`no broker: ${broker.lastError ?? 'not connected yet'}`);
  return rows;
}

function mapReport(map: VerifiedMap | undefined): JsonObject | null {
  if (map === undefined) return null;
  const { epoch, issuedUnixS, expiresUnixS, rootVersion, digest } = map;
  return { epoch, issued: issuedUnixS, expires: expiresUnixS, root_version: rootVersion, digest };
}

function floorsReport(floors: Floors | undefined): JsonObject | null {
  if (floors === undefined) return null;
  const { rootVersion, epoch, mapDigest, timeUnixS } = floors;
  return { root_version: rootVersion, epoch, map_digest: mapDigest ?? null, time: timeUnixS };
}

function brokerReport(broker: BrokerState | undefined): JsonObject | null {
  if (broker === undefined) return null;
  const { connected, lastError = null, dropped, receivedBytes } = broker;
  return { connected, last_error: lastError, dropped, received_bytes: receivedBytes };
}

/** `ubus call rustynet status`. */
export function statusReport(report: Report): JsonObject {
  const { identity, judgement, refusals, broker, outcome } = report;
  const own = report.map?.members.find(({ id }) => id === identity.id);
  const findings = [...(outcome?.proof.guard ?? []), ...(outcome?.proof.rest ?? [])];
  return {
    version: report.version,
    state: judgement.state,
    why: judgement.why,
    node: identity.id,
    identity_key: identity.identityKey,
    wireguard_key: identity.wireGuardKey,
    next_wireguard_key: identity.nextWireGuardKey ?? null,
    name: own?.name ?? null,
    addresses: own?.addresses ?? [],
    interface: report.choices.interface,
    choices: choicesReport(report.choices, report.map, identity.id),
    network: report.network ?? null,
    invite: report.invite ?? null,
    map: mapReport(report.map),
    floors: floorsReport(report.floors),
    now: report.nowUnixS,
    clock: report.clock,
    clock_usable: report.clock !== 'unknown',
    lease_s: report.leaseS,
    break_glass: report.breakGlass,
    peers: outcome?.observed.device?.peers.length ?? 0,
    refusals: { ...(refusals?.counts ?? {}) },
    last_refusal: refusals?.last === undefined ? null : { ...refusals.last },
    broker: brokerReport(broker),
    flash_writes: report.flashWrites,
    change_ms: { ...report.changeMs },
    findings,
    warnings: warnings(report),
    problems: report.problems,
  };
}

/** The retained status of a node on MQTT, signed by its identity key. */
export function signedStatus(identity: Identity, network: NetworkId, fields: JsonObject): Uint8Array {
  const payload = encodeUtf8(JSON.stringify({ format: 1, network, node: identity.id, ...fields }));
  const sig = identity.sign(pae(statusType, payload));
  const signatures = [{ keyid: keyIdOf(identity.identityKey), sig }];
  return encodeEnvelope({ payloadType: statusType, payload, signatures });
}
