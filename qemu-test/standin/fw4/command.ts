/**
 * The command `fw4`.
 * In: its arguments, UCI and netifd's networks. Out: the ruleset printed or given to nft; status and messages as fw4's.
 * Recorded: reload leaves other tables alone, flush deletes every table, a ruleset that nft refuses leaves the old one
 * and still ends with 0 (openwrt-25.12-firewall4.md).
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import type { Kernel } from '../netifd/kernel.ts';
import type { UciStore } from '../uci/store.ts';
import { renderRuleset } from './render.ts';
import { serviceSections } from './service-rules.ts';
import { type Network, readDefaults, readZones, type Zone } from './zones.ts';

export interface Fw4Settings {
  readonly store: UciStore;
  readonly run: Kernel;
  readonly networks: () => ReadonlyMap<string, Network>;
  readonly serviceData: () => Promise<JsonTable>;
  /** /var/run/fw4.state: its presence says that the ruleset is loaded. */
  readonly statePath: string;
}

export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const fine: Ended = { status: 0, out: '', err: '' };

async function render({ store, networks, serviceData }: Fw4Settings): Promise<{ text: string; warnings: string }> {
  const warnings: string[] = [];
  const sections = [...serviceSections(await serviceData()), ...(store.load('firewall') ?? [])];
  const text = renderRuleset(sections, networks(), (message) => warnings.push(`${message}\n`));
  return { text, warnings: warnings.join('') };
}

async function load(settings: Fw4Settings): Promise<Ended> {
  const { text, warnings } = await render(settings);
  const { stderr } = await settings.run('nft', ['-f', '-'], text);
  mkdirSync(dirname(settings.statePath), { recursive: true });
  writeFileSync(settings.statePath, '');
  return { ...fine, err: warnings + stderr };
}

async function stop({ run, statePath }: Fw4Settings): Promise<Ended> {
  const { status } = await run('nft', ['delete', 'table', 'inet', 'fw4']);
  if (status === 0) rmSync(statePath, { force: true });
  const err = 'The fw4 firewall does not appear to be loaded, try fw4 flush to delete all rules.\n';
  return status === 0 ? fine : { status: 1, out: '', err };
}

async function check(settings: Fw4Settings): Promise<Ended> {
  const { text, warnings } = await render(settings);
  const { status, stderr } = await settings.run('nft', ['-c', '-f', '-'], text);
  return { status, out: status === 0 ? 'Ruleset passes nftables check.\n' : '', err: warnings + stderr };
}

async function restart(settings: Fw4Settings): Promise<Ended> {
  const checked = await check(settings);
  if (checked.status !== 0) {
    const err = 'The rendered ruleset contains errors, not doing firewall restart.\n';
    return { ...checked, status: 1, err: checked.err + err };
  }
  await stop(settings);
  rmSync(settings.statePath, { force: true });
  return load(settings);
}

function lookup({ store, networks }: Fw4Settings, what: string, name: string): Ended {
  const sections = store.load('firewall') ?? [];
  const ignore = (): undefined => undefined;
  const zones = readZones(sections, readDefaults(sections, ignore), networks(), ignore);
  const shown = (zone: Zone | undefined): string[] => (zone === undefined ? [] : [zone.name]);
  let found: readonly string[];
  if (what === 'network') found = shown(zones.find((zone) => zone.networks.includes(name)));
  else if (what === 'device') found = shown(zones.find((zone) => zone.devices.includes(name)));
  else found = zones.find((zone) => zone.name === name)?.devices ?? [];
  return { status: found.length > 0 ? 0 : 1, out: found.map((line) => `${line}\n`).join(''), err: '' };
}

async function run(settings: Fw4Settings, verb: string, name: string): Promise<Ended> {
  const loaded = existsSync(settings.statePath);
  switch (verb) {
    case 'start':
      return loaded ? { status: 1, out: '', err: 'The fw4 firewall appears to be already loaded.\n' } : load(settings);
    case 'reload':
      return loaded ? load(settings) : { status: 1, out: '', err: 'The fw4 firewall does not appear to be loaded.\n' };
    case 'restart':
      return restart(settings);
    case 'stop':
      return stop(settings);
    case 'flush':
      await settings.run('nft', ['flush', 'ruleset']);
      rmSync(settings.statePath, { force: true });
      return fine;
    case 'print': {
      const { text, warnings } = await render(settings);
      return { status: 0, out: text, err: warnings };
    }
    case 'check':
      return check(settings);
    case 'network':
    case 'device':
    case 'zone':
      return lookup(settings, verb, name);
    default:
      return { ...fine, out: 'Usage: fw4 [-q] start|stop|flush|restart|reload|print|check|network|device|zone\n' };
  }
}

/** Runs `fw4` with these arguments. */
export async function fw4(settings: Fw4Settings, argv: readonly string[]): Promise<Ended> {
  const [verb = '', name = ''] = argv.filter((argument) => !argument.startsWith('-'));
  const ended = await run(settings, verb, name);
  return argv.includes('-q') ? { ...ended, err: '' } : ended;
}
