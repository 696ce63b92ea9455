/** Settings that cannot be used take nothing away: what protects a chosen exit stays, and so does what is another's. */
import { afterEach, describe, expect, test } from 'vitest';
import { renderProtection } from '../../src/plan/protection.ts';
import { desiredRouting } from '../../src/plan/routing.ts';
import { closedDesired } from '../../src/policy/desired.ts';
import type { Cidr, Label } from '../../src/trust/types.ts';
import { choices } from '../policy/believed.ts';
import { mirror } from '../plan/mirror.ts';
import { network } from '../trust/network.ts';
import { LabOfOne } from './lab-of-one.ts';

let lab: LabOfOne | undefined;
afterEach(() => lab?.end());

const protecting = closedDesired({ ...choices, exit: 'vps' as Label });
const locals = [{ name: 'lan', device: 'br-lan', prefixes: ['192.168.1.0/24' as Cidr] }];

/** A router as its boot left it: protected, and nothing of an agent yet. */
function booted(options: Readonly<Record<string, string>>): LabOfOne {
  const before = mirror(protecting);
  const shows = {
    ...before,
    locals,
    protection: { chains: new Map(), sets: new Map(), expiresS: new Map(), flowtables: new Map() },
    bootFiles: { nft: renderProtection(protecting, { ...before, locals }), ip4: 'rule', ip6: 'rule' },
  };
  const routing = desiredRouting(protecting, shows);
  return new LabOfOne('home', { network, broker: 'mqtt://b.invalid', exit: 'vps', ...options }, undefined, {
    ...shows,
    routing,
  });
}

describe('with an exit chosen and protected since the boot', () => {
  test.each([
    ['an MTU that is none', { mtu: '1000' }, 'rustynet.main.mtu'],
    ['a prefix that is none', { announce: '192.168.1.1/24' }, 'rustynet.main.announce'],
    ['an exit that is none', { exit: '../x' }, 'rustynet.main.exit'],
  ])(
    '%s closes the router, and takes away neither table, nor rule, nor what the boot loads',
    async (_, options, named) => {
      lab = booted(options);
      expect(String((await lab.settles('closed'))['why'])).toContain(named);
      expect(lab.scripts.filter((script) => script.includes('rustynet_guard'))).toEqual([]);
      expect(lab.ipScripts.join('')).not.toContain(' del ');
      expect(lab.bootWrites).toBe(0);
    },
  );

  test('settings that are read, with the exit off, take it away', async () => {
    lab = booted({ exit: 'off' });
    await lab.settles('closed');
    expect(lab.scripts).toContain('delete table inet rustynet_guard\n');
    expect(lab.ipScripts.join('')).toMatch(/^rule del priority 853 /m);
    expect(lab.bootWrites).toBeGreaterThan(0);
  });
});

describe("an interface by the name of what is another's", () => {
  const shown = { kind: 'wireguard', up: true, mtu: 1420, addresses: [], routes: [] };
  const others = { publicKey: 'another', listenPort: 1, mark: 0, peers: [] };
  test.each([
    ["somebody's WireGuard, joined", { network, broker: 'mqtt://b.invalid' }, 'wireguard', { proto: 'wireguard' }],
    ["somebody's WireGuard, not joined", {}, 'wireguard', { proto: 'wireguard' }],
    ['a WireGuard device that no section names', {}, 'wireguard', undefined],
    ['an Ethernet port', {}, 'eth', undefined],
    ['an Ethernet port that a section of ours names', {}, 'eth', { proto: 'rustynet' }],
  ])('%s: it is told, and left as it is', async (_, options, kind, section) => {
    const sections = section === undefined ? {} : { wg0: { '.type': 'interface', ...section } };
    const kernel = { ...mirror(closedDesired(choices)), link: { ...shown, kind }, device: others };
    lab = new LabOfOne('home', { interface: 'wg0', ...options }, undefined, kernel, {
      network: sections,
      firewall: {},
    });
    const { why } = await lab.settles('closed');
    expect(why).toBe(
      'rustynet.main.interface: wanted a name that no other network or device of this router has, got "wg0"',
    );
    expect([lab.removed, lab.packages['network']]).toEqual([[], sections]);
    expect(lab.scripts.join('')).not.toContain('wg0');
  });
});
