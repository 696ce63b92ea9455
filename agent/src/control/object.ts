/**
 * The ubus object `rustynet`. In: calls of the command line, of LuCI and of the protocol handler. Out: plain JSON; a
 * refusal is an answer with `error: { code, message }`.
 */
import type { Desired } from '../policy/desired.ts';
import type { Audit } from './audit.ts';
import type { BreakGlass } from './break-glass.ts';
import { chooseAnnounced, chooseExit, type ChosenOptions } from './choices.ts';
import type { Identity } from './identity.ts';
import { join, leave, type MembershipPorts } from './membership.ts';
import { Fault, type JsonObject, type UbusMethod, type World } from './ports.ts';
import { accessReport } from './access.ts';
import { peersReport } from './peers.ts';
import { statusReport, type Report } from './status.ts';

/** What the methods need of the agent. */
export interface Inside {
  readonly ports: MembershipPorts & {
    readonly identity: Identity;
    readonly world: World;
    readonly builtUnixS: number;
  };
  readonly audit: Audit;
  readonly breakGlass: BreakGlass;
  report(): Report;
  desired(): Desired;
  poke(): void;
  /** Reads the settings anew; resolves when a run with them has ended. */
  reload(): Promise<void>;
  /** For good: what it asked for is taken back. */
  endSession(): Promise<void>;
  /** NTP has set the system clock: said by our script in /etc/hotplug.d/ntp. */
  confirmClock(): void;
}

/** Asks the kernel: handshakes and bytes move while the loop sleeps. */
async function peers({ ports, desired, report }: Inside, args: JsonObject): Promise<JsonObject> {
  const { interface: name, peers: wanted } = desired();
  return peersReport(wanted, await ports.world.wireGuard.device(name), report(), args);
}

async function joined({ ports, report, reload }: Inside, invite: string): Promise<JsonObject> {
  ports.identity.requireKept();
  const isMember = report().map?.members.some(({ id }) => id === ports.identity.id) ?? false;
  const result = await join(invite, ports, ports.builtUnixS, isMember);
  // Nothing is waited for: on a busy router the run, and what it sets off, take longer than a person waits for keys.
  void reload();
  return result;
}

async function left({ ports, reload, endSession }: Inside): Promise<JsonObject> {
  await endSession();
  try {
    return await leave(ports);
  } finally {
    await reload();
  }
}

/** The key in use stays so until a map has the next one. */
function rotated({ ports: { identity }, report }: Inside): JsonObject {
  const next = identity.makeNextKey();
  return { ...statusReport(report()), next_wireguard_key: next };
}

/** Shows the choices, after those that were given are written and a run has seen them. */
async function chosen({ ports, report, reload }: Inside, options: ChosenOptions): Promise<JsonObject> {
  if (Object.keys(options).length > 0) {
    await ports.settings.write(options);
    await reload();
  }
  return { choices: statusReport(report())['choices'] ?? {} };
}

/** What the system refused, a full flash for one, is `SYSTEM`; a mistake of ours goes on. */
async function answer(make: () => Promise<JsonObject> | JsonObject): Promise<JsonObject> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof Fault) return { error: { code: error.code, message: error.message } };
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return { error: { code: 'SYSTEM', message: error.message } };
  }
}

/** A page of the log, or whether all of it is whole. */
function auditMethod({ audit }: Inside): UbusMethod {
  return {
    policy: { segment: 'String', verify: 'Boolean' },
    handler: ({ segment, verify }) =>
      answer(() => (verify === true ? audit.verify() : audit.page(typeof segment === 'string' ? segment : undefined))),
  };
}

/** For the router's own command line: who may call it through rpcd overrides what was signed. */
function breakGlassMethod({ breakGlass }: Inside): UbusMethod {
  const texts = { action: 'String', who: 'String', confirm: 'String', peer: 'String', endpoint: 'String' } as const;
  return {
    policy: { ...texts, allowed_ips: 'Array', minutes: 'Integer', reason: 'String' },
    handler: (args) => answer(() => breakGlass.call(args)),
  };
}

/** Lists that can be longer than one reply. */
function pagedMethods(inside: Inside): Record<string, UbusMethod> {
  return {
    peers: {
      policy: { find: 'String', sort: 'String', offset: 'Integer', limit: 'Integer' },
      handler: (args) => peers(inside, args),
    },
    access: {
      policy: { offset: 'Integer' },
      handler: ({ offset }) => {
        const { map, identity } = inside.report();
        return accessReport(inside.desired(), map, identity.id, offset);
      },
    },
  };
}

/** Of this router's place in a network, and its keys. */
function ownMethods(inside: Inside): Record<string, UbusMethod> {
  const { identity } = inside.ports;
  return {
    join: {
      policy: { invite: 'String' },
      handler: async ({ invite }) => ({
        ...(await answer(() => joined(inside, String(invite)))),
        node: identity.id,
        identity_key: identity.identityKey,
        wireguard_key: identity.wireGuardKey,
      }),
    },
    rotate_key: { policy: {}, handler: () => answer(() => rotated(inside)) },
    leave: { policy: {}, handler: () => answer(() => left(inside)) },
  };
}

export function rustynetObject(inside: Inside): Record<string, UbusMethod> {
  const { id } = inside.ports.identity;
  const poke = (): JsonObject => {
    inside.poke();
    return {};
  };
  return {
    status: { policy: {}, handler: () => statusReport(inside.report()) },
    ...pagedMethods(inside),
    ...ownMethods(inside),
    exit: {
      policy: { exit: 'String', lan: 'Boolean', offer: 'Boolean' },
      handler: (args) => answer(async () => chosen(inside, chooseExit(args, inside.report().map, id))),
    },
    announce: {
      policy: { prefixes: 'Array' },
      handler: (args) => answer(async () => chosen(inside, chooseAnnounced(args, inside.report().map))),
    },
    audit: auditMethod(inside),
    break_glass: breakGlassMethod(inside),
    clock_set: {
      policy: {},
      handler: () => {
        inside.confirmClock();
        return poke();
      },
    },
    interface_up: { policy: { interface: 'String' }, handler: poke },
    interface_down: { policy: { interface: 'String' }, handler: poke },
  };
}
