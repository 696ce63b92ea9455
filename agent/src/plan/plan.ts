/**
 * The steps from what is to what must be. In: desired and observed. Out: steps, in this order: protection, guard, grants, peers that
 * go, link, addresses and routes, peers that come, names. Nothing differs, nothing is planned.
 *
 * Grants come early because one transaction both revokes and grants: to a peer that is not yet there, a grant lets
 * nothing pass. The lease, which opens all of it, comes last and only after the proof.
 */
import type { Desired } from '../policy/desired.ts';
import { renderGrants, renderWhole } from './elements.ts';
import { marksOf } from './guard.ts';
import { planNames, type NamesStep } from './names.ts';
import { tunnelMtu } from './mtu.ts';
import { bootFiles } from './boot.ts';
import type { BootFiles, Family, Observed } from './observed.ts';
import { goingPeers, greetings, peerSettings, type PeerGreeting, type PeerSetting } from './peers.ts';
import { isProtected, protectionScript } from './protection.ts';
import { routingScripts } from './routing.ts';
import { guardFindings } from './prove.ts';

export type Step =
  | { readonly do: 'protection'; readonly script: string }
  | { readonly do: 'routing'; readonly scripts: Readonly<Record<Family, string>> }
  | { readonly do: 'boot-guard'; readonly files: BootFiles }
  | { readonly do: 'guard'; readonly script: string }
  /** Transactions, one after the other. `whole` is the table anew, without a lease, for when the kernel refuses the difference. */
  | { readonly do: 'grants'; readonly scripts: readonly string[]; readonly whole: () => string }
  | { readonly do: 'remove-peers'; readonly interface: string; readonly publicKeys: readonly string[] }
  | { readonly do: 'remove-link'; readonly interface: string }
  | { readonly do: 'create-link'; readonly interface: string }
  | {
      readonly do: 'configure-link';
      readonly interface: string;
      readonly listenPort: number;
      readonly mtu: number;
      readonly mark: number;
    }
  | {
      readonly do: 'address-link';
      readonly interface: string;
      /** netifd believes an older link of this name to be up: it is told so first. */
      readonly renewed: boolean;
      readonly addresses: readonly string[];
      readonly routes: readonly string[];
    }
  /** A handshake with each, now: under another private key every session has ended. */
  | { readonly do: 'greet-peers'; readonly interface: string; readonly peers: readonly PeerGreeting[] }
  | { readonly do: 'set-peers'; readonly interface: string; readonly peers: readonly PeerSetting[] }
  | NamesStep;

export function plan(desired: Desired, observed: Observed): readonly Step[] {
  const protection = planProtection(desired, observed);
  const isGuarded = isProtected(desired);
  return [
    ...(isGuarded ? protection : []),
    ...planRouting(desired, observed, 'guard'),
    ...planGuard(desired, observed),
    ...planRemoval(desired, observed),
    ...planLink(desired, observed),
    ...planRouting(desired, observed, 'paths'),
    ...planNames(desired, observed),
    ...planBoot(desired, observed),
    ...(isGuarded ? [] : protection),
  ];
}

function planProtection(desired: Desired, observed: Observed): readonly Step[] {
  if (desired.keepsExit) return [];
  const script = protectionScript(desired, observed);
  return script === '' ? [] : [{ do: 'protection', script }];
}

function planRouting(desired: Desired, observed: Observed, part: 'guard' | 'paths'): readonly Step[] {
  const scripts = routingScripts(desired, observed, part);
  return scripts[4] + scripts[6] === '' ? [] : [{ do: 'routing', scripts }];
}

function planBoot(desired: Desired, observed: Observed): readonly Step[] {
  const files = bootFiles(desired, observed);
  const { nft, ip4, ip6 } = observed.bootFiles;
  return files.nft === nft && files.ip4 === ip4 && files.ip6 === ip6 ? [] : [{ do: 'boot-guard', files }];
}

function planGuard(desired: Desired, observed: Observed): readonly Step[] {
  const { guard } = observed;
  if (guard === undefined || guardFindings(desired, observed).length > 0) {
    return [{ do: 'guard', script: renderWhole(desired, observed) }];
  }
  const scripts = renderGrants(desired, observed, guard);
  return scripts.length === 0 ? [] : [{ do: 'grants', scripts, whole: () => renderWhole(desired, observed) }];
}

function planRemoval(desired: Desired, { link, device }: Observed): readonly Step[] {
  const { interface: name } = desired;
  if (link === undefined) return [];
  if (desired.publicKey === undefined || link.kind !== 'wireguard') return [{ do: 'remove-link', interface: name }];
  const { publicKeys } = goingPeers(desired, device?.peers ?? []);
  return publicKeys.length === 0 ? [] : [{ do: 'remove-peers', interface: name, publicKeys }];
}

function planLink(desired: Desired, observed: Observed): readonly Step[] {
  const { interface: name, listenPort, addresses, routes } = desired;
  if (desired.publicKey === undefined) return [];
  const link = observed.link?.kind === 'wireguard' ? observed.link : undefined;
  const steps: Step[] = link === undefined ? [{ do: 'create-link', interface: name }] : [];
  const { device } = observed;
  const mtu = tunnelMtu(desired, observed);
  const { tunnel: mark } = marksOf(desired);
  if (
    link === undefined ||
    device?.publicKey !== desired.publicKey ||
    device.listenPort !== listenPort ||
    device.mark !== mark ||
    link.mtu !== mtu
  ) {
    steps.push({ do: 'configure-link', interface: name, listenPort, mtu, mark });
  }
  if (!link?.up || !same(link.addresses, addresses) || !same(link.routes, routes)) {
    // netifd takes an address that it set and that somebody deleted to be there still.
    const renewed = link === undefined || !addresses.every((address) => link.addresses.includes(address));
    steps.push({ do: 'address-link', interface: name, renewed, addresses, routes });
  }
  const peers = link === undefined ? [] : (device?.peers ?? []);
  const greet = (greeted: readonly PeerGreeting[]): void => {
    if (greeted.length > 0) steps.push({ do: 'greet-peers', interface: name, peers: greeted });
  };
  const { staying, renewed } = greetings(desired, peers);
  if (device?.publicKey !== desired.publicKey) greet(staying);
  const settings = peerSettings(desired, peers, observed);
  if (settings.length > 0) steps.push({ do: 'set-peers', interface: name, peers: settings });
  greet(renewed);
  const { replaced } = goingPeers(desired, peers);
  if (replaced.length > 0) steps.push({ do: 'remove-peers', interface: name, publicKeys: replaced });
  return steps;
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return [...new Set(left)].sort().join() === [...new Set(right)].sort().join();
}

/** A line for a log or a terminal. */
export function describe(step: Step): string {
  switch (step.do) {
    case 'boot-guard':
      return 'boot-guard: written to flash';
    case 'routing':
      return `routing: ${`${step.scripts[4]}${step.scripts[6]}`.split('\n').length - 1} ip commands`;
    case 'protection':
    case 'guard':
      return `${step.do}: ${step.script.split('\n').length - 1} nft commands`;
    case 'grants':
      return `${step.do}: ${step.scripts.join('').split('\n').length - 1} nft commands`;
    case 'remove-peers':
      return `remove-peers: ${step.publicKeys.join(' ')}`;
    case 'greet-peers':
    case 'set-peers':
      return `${step.do}: ${step.peers.map(({ publicKey }) => publicKey).join(' ')}`;
    case 'configure-link':
      return `configure-link: ${step.interface} port ${step.listenPort} MTU ${step.mtu}`;
    case 'address-link':
      return `address-link: ${step.interface} ${step.addresses.join(' ')}, ${step.routes.length} routes`;
    case 'names':
      return `names: ${step.restart ? 'restart' : 'reload'} dnsmasq`;
    case 'remove-link':
    case 'create-link':
      return `${step.do}: ${step.interface}`;
  }
}
