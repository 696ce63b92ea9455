/** A router in a network, without a map yet, on which a person may override: what they ask for, and what is recorded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { JsonObject } from '../../src/control/ports.ts';
import { closedDesired, type Desired } from '../../src/policy/desired.ts';
import { overridden, type Override } from '../../src/policy/override.ts';
import { encodeInvite } from '../../src/trust/invite.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import type { Cidr, Endpoint } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { choices } from '../policy/believed.ts';
import { home, memberOf, network, nowUnixS, rootOf } from '../trust/network.ts';
import { LabOfOne } from './lab-of-one.ts';

export const root = rootOf();
const invite = encodeInvite({
  network,
  root: { version: 1, digest: digestOf(encodeRoot(root)) },
  broker: { url: 'mqtt://broker.invalid' },
  issuedUnixS: nowUnixS - 500,
});
export const stranger = memberOf('stranger', '10.77.0.9', {
  subnets: ['192.168.7.0/24' as Cidr],
  roles: ['subnet-router'],
});
export const lan = { name: 'lan', device: 'br-lan', prefixes: ['192.168.1.0/24' as Cidr] };
export const override: Override = {
  peer: {
    publicKey: stranger.wireGuardKey,
    allowedIps: ['192.168.7.0/24'] as Cidr[],
    endpoint: '203.0.113.9:51820' as Endpoint,
  },
  networks: lan.prefixes,
};
export const announcing = { ...choices, announced: lan.prefixes };
export const closed = closedDesired(announcing);
export const opened = overridden(closed, override, home.wireGuardKey);
export const confirm = home.id.slice(0, 8);
/** What the command line asks for, when all is well. */
export const asked = {
  action: 'open',
  who: 'root on /dev/pts/0',
  confirm,
  peer: stranger.wireGuardKey,
  allowed_ips: ['192.168.7.0/24'],
  endpoint: '203.0.113.9:51820',
  minutes: 1,
  reason: 'the broker is down',
};
export const untilUnixS = nowUnixS + 60;

export class OverriddenLab extends LabOfOne {
  constructor(options: Readonly<Record<string, string | readonly string[]>>, folder?: string) {
    super('home', { announce: ['192.168.1.0/24'], ...options }, folder);
    this.locals = [lan];
    this.show(closed);
  }

  static async joined(options: Readonly<Record<string, string>>): Promise<OverriddenLab> {
    const lab = new OverriddenLab(options);
    await lab.settles('closed');
    await lab.call('join', { invite });
    await expect.poll(async () => (await lab.call('status'))['network']).toBe(network);
    await lab.settles('closed');
    return lab;
  }

  override show(desired: Desired): void {
    super.show(desired);
    const { shows } = this;
    if (shows?.guard === undefined) return;
    const sets = new Map([...shows.guard.sets, ['uplinks', new Map()] as const]);
    this.shows = { ...shows, guard: { ...shows.guard, sets } };
  }

  ask(over: JsonObject = {}): Promise<JsonObject> {
    return this.call('break_glass', { ...asked, ...over });
  }

  async opens(): Promise<void> {
    this.show(opened);
    expect(await this.ask()).toMatchObject({ open: { peer: stranger.wireGuardKey } });
    await this.settles('break-glass');
  }

  /** The kernel follows, and a run sees it. */
  async closes(state = 'closed', desired = closed): Promise<JsonObject> {
    this.show(desired);
    this.agent.trigger();
    const status = await this.settles(state);
    expect(status).toMatchObject({ break_glass: { open: null }, warnings: [] });
    return status;
  }

  /** Lines about it, on flash. */
  onFlash(): readonly JsonObject[] {
    return readFileSync(join(this.folder, 'audit/1'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonObject)
      .filter(({ event }) => String(event).startsWith('break-glass'));
  }

  told(): readonly string[] {
    return this.onFlash().map(({ what, why = '' }) => `${String(what)} ${String(why)}`.trim());
  }
}
