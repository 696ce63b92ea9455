/**
 * Joining and leaving a network, and another broker of it. In: an invite, which came out of band and pins the root. Out:
 * settings, secrets and the first floors; written in an order that leaves no half membership: the settings, which the daemon
 * follows, come last. Another broker is on flash as a whole before any of it takes its place.
 */
import { firstFloors } from '../trust/floors.ts';
import { decodeInvite, type Invite, type InviteBroker } from '../trust/invite.ts';
import { inviteKeyOf } from '../trust/join.ts';
import { isRefusal } from '../trust/refuse.ts';
import type { Floors } from '../trust/types.ts';
import { parseConfig, type Membership } from './config.ts';
import { Fault, messageOf, type Configuration, type JsonObject, type Settings, type Store } from './ports.ts';
import { fitting } from './sections.ts';
import type { Secrets } from './session.ts';

/** Where the broker's password and CA lie, and the invite while the router asks by it; mode 0600. */
export interface Vault {
  read(): Secrets;
  /** What is `undefined` is gone from flash when it returns; what is not named stays. */
  write(secrets: Secrets): void;
}

export interface MembershipPorts {
  readonly settings: Settings;
  readonly configuration: Configuration;
  readonly store: Store;
  readonly vault: Vault;
}

/** What takes the place of the broker of `network`. */
interface Next extends InviteBroker {
  readonly network: string;
  readonly invite?: string;
}

/** What is believed stays: the root that the invite pins must be ours, or one that ours may lead to. */
function requireSame({ network }: Membership, invite: Invite, floors: Floors | undefined): void {
  if (network !== invite.network || floors === undefined) {
    const wanted = `wanted a router that is in no network, got one that joined network ${network}`;
    throw new Fault('JOINED', invite.network, `${wanted}; run "rustynet leave" first`);
  }
  const { version, digest } = invite.root;
  const { rootVersion, rootDigest } = floors;
  if (version > rootVersion || (version === rootVersion && digest === rootDigest)) return;
  const wanted = `invite: wanted root ${rootDigest} as version ${rootVersion}, or a later one`;
  throw new Fault('INVITE', network, `${wanted}, got ${digest} as version ${version}`);
}

/**
 * A router that is in the network of the invite takes another broker, which `settled` puts in its place; a member has no use
 * for a secret that lets it in. Throws Fault `INVITE` for text that is none and for another root, `JOINED` in another network,
 * and `SECTION`.
 */
export async function join(
  text: string,
  ports: MembershipPorts,
  builtUnixS: number,
  isMember: boolean,
): Promise<JsonObject> {
  const given = decodeInvite(text.trim());
  if (isRefusal(given)) throw new Fault('INVITE', 'invite', `invite: ${given.detail}`);
  const { network, root, broker, issuedUnixS } = given;
  const { membership, choices } = parseConfig(await ports.settings.read());
  if (membership !== undefined) requireSame(membership, given, ports.store.read()?.floors);
  // A section of the user's in the place of ours is refused before anything is written.
  await fitting(ports.configuration, choices);
  const once = isMember ? undefined : given.once;
  // Of the secret itself, nothing is kept.
  const invite = once && `${once.id} ${inviteKeyOf(once.secret, network, once.id)}`;
  const answer = { network, ...(once === undefined ? {} : { invite: once.id }) };
  if (membership !== undefined) {
    // Where UCI takes nothing, it is refused now.
    await ports.settings.write({ network });
    ports.vault.write({ next: JSON.stringify({ ...broker, network, invite }) });
    return { ...answer, broker: broker.url };
  }
  ports.store.clear();
  // Also what a join that was cut off has left.
  ports.vault.write({ password: broker.password, ca: broker.ca, invite, next: undefined });
  const floors = firstFloors(root, Math.max(issuedUnixS, builtUnixS));
  ports.store.commit({ floors }, new Map(), []);
  await ports.settings.write({ network, broker: broker.url, username: broker.user });
  return answer;
}

/**
 * The settings, with the broker in its place that `join` was given, also where the power failed in between. What is `told`
 * of it is told again then.
 */
export async function settled(
  { settings, vault, log }: Pick<MembershipPorts, 'settings' | 'vault'> & { readonly log: (line: string) => void },
  told: (broker: string) => void,
): Promise<JsonObject> {
  const options = await settings.read();
  const { next } = vault.read();
  if (next === undefined) return options;
  try {
    const { network, url, user, password, ca, invite } = JSON.parse(next) as Next;
    if (network === options['network']) {
      await settings.write({ broker: url, username: user });
      vault.write({ password, ca, ...(invite === undefined ? {} : { invite }) });
      told(url);
    }
    vault.write({ next: undefined });
  } catch (error) {
    log(`the broker was not replaced: ${messageOf(error)}`);
    // Half of it, where the power failed, is none.
    if (error instanceof SyntaxError) vault.write({ next: undefined });
  }
  return settings.read();
}

/** The settings go first: from then on the daemon is closed, whatever else is still there. */
export async function leave({
  settings,
  store,
  vault,
}: Pick<MembershipPorts, 'settings' | 'store' | 'vault'>): Promise<JsonObject> {
  const none = { network: undefined, broker: undefined, username: undefined };
  // The exit goes with the network that had it: what is protected by nothing would be shut for good.
  await settings.write({ ...none, exit: undefined, exit_lan: undefined });
  store.clear();
  vault.write({ password: undefined, ca: undefined, invite: undefined, next: undefined });
  return {};
}
