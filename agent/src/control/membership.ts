/**
 * Joining and leaving a network. In: an invite, which came out of band and pins the root. Out: settings, secrets and the
 * first floors; written in an order that leaves no half membership: the settings, which the daemon follows, come last.
 */
import { firstFloors } from '../trust/floors.ts';
import { decodeInvite } from '../trust/invite.ts';
import { inviteKeyOf } from '../trust/join.ts';
import { isRefusal } from '../trust/refuse.ts';
import { parseConfig } from './config.ts';
import { Fault, type Configuration, type JsonObject, type Settings, type Store } from './ports.ts';
import { fitting } from './sections.ts';
import type { Secrets } from './session.ts';

/** Where the broker's password and CA lie, and the invite while the router asks by it; mode 0600. */
export interface Vault {
  read(): Secrets;
  write(secrets: Secrets): void;
  /** The invite is gone from flash when it returns. */
  forgetInvite(): void;
  clear(): void;
}

export interface MembershipPorts {
  readonly settings: Settings;
  readonly configuration: Configuration;
  readonly store: Store;
  readonly vault: Vault;
}

/** Throws Fault `INVITE` for text that is none, `JOINED` when there is a membership already, and `SECTION`. */
export async function join(text: string, ports: MembershipPorts, builtUnixS: number): Promise<JsonObject> {
  const invite = decodeInvite(text.trim());
  if (isRefusal(invite)) throw new Fault('INVITE', 'invite', `invite: ${invite.detail}`);
  const { network, root, broker, issuedUnixS, once } = invite;
  const { membership, choices } = parseConfig(await ports.settings.read());
  if (membership !== undefined) {
    const other = membership.network === network ? 'this network already' : `network ${membership.network}`;
    const wanted = `wanted a router that is in no network, got one that joined ${other}`;
    throw new Fault('JOINED', network, `${wanted}; run "rustynet leave" first`);
  }
  // A section of the user's in the place of ours is refused before anything is written.
  await fitting(ports.configuration, choices);
  ports.store.clear();
  // Also what a join that was cut off has left.
  ports.vault.clear();
  ports.vault.write({
    ...(broker.password === undefined ? {} : { password: broker.password }),
    ...(broker.ca === undefined ? {} : { ca: broker.ca }),
    // Of the secret itself, nothing is kept.
    ...(once === undefined ? {} : { invite: `${once.id} ${inviteKeyOf(once.secret, network, once.id)}` }),
  });
  const floors = firstFloors(root, Math.max(issuedUnixS, builtUnixS));
  ports.store.commit({ floors }, new Map(), []);
  await ports.settings.write({ network, broker: broker.url, username: broker.user });
  return { network, ...(once === undefined ? {} : { invite: once.id }) };
}

/** The settings go first: from then on the daemon is closed, whatever else is still there. */
export async function leave({ settings, store, vault }: Omit<MembershipPorts, 'configuration'>): Promise<JsonObject> {
  const none = { network: undefined, broker: undefined, username: undefined };
  // The exit goes with the network that had it: what is protected by nothing would be shut for good.
  await settings.write({ ...none, exit: undefined, exit_lan: undefined });
  store.clear();
  vault.clear();
  return {};
}
