/** The table on this machine's kernel and nft: what is rendered is what nft lists, and what packets meet. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectFirewall } from '../../src/drivers/nft.ts';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired, type Choices, type Desired } from '../../src/policy/desired.ts';
import { grantFindings, renderGrants, renderWhole } from '../../src/plan/elements.ts';
import { nothingAround } from '../../src/plan/observed.ts';
import { renderTable, table as name } from '../../src/plan/guard.ts';
import { guardFindings } from '../../src/plan/prove.ts';
import type { Member } from '../../src/trust/types.ts';
import type { NftTable } from '../../src/wire/nft-json.ts';
import { believed, choices, exitRule, rule } from '../policy/believed.ts';
import { home, laptop } from '../trust/network.ts';
import { createNamespace, type Namespace } from './netns.ts';
import { members, vps } from './router-world.ts';

let router: Namespace;
let peer: Namespace;
let internet: Namespace;
/** Of RFC 5737, which the table takes for the internet: by the WAN, and by the mesh. */
const [public4, behindMesh4] = ['198.51.100.9', '203.0.113.9'];
const firewall = connectFirewall();
const run = (script: string): Promise<void> => router.enter(() => firewall.run(script));
const table = async (): Promise<NftTable> => {
  const found = await router.enter(() => firewall.table(name));
  if (found === undefined) throw new Error('wanted the table, got none');
  return found;
};
const desiredOf = (...rules: unknown[]): Desired => compile(believed(rules), home.id, choices);
const closed = closedDesired(choices);
const uplinked = { ...nothingAround, uplinkDevices: ['wan0'] };

beforeAll(() => {
  router = createNamespace('router');
  peer = createNamespace('peer');
  internet = createNamespace('internet');
  // A veth stands for the mesh interface: the table knows it by its name alone.
  router.run(`ip link add rn0 type veth peer name mesh0 netns ${peer.name}`);
  router.run(`ip addr add ${home.addresses[0] ?? ''}/16 dev rn0; ip link set rn0 up; ip link set lo up`);
  peer.run(
    `ip addr add ${laptop.addresses[0] ?? ''}/16 dev mesh0; ip addr add 10.77.0.99/16 dev mesh0; ip link set mesh0 up`,
  );
  router.run(`ip link add wan0 type veth peer name eth0 netns ${internet.name}; sysctl -qw net.ipv4.ip_forward=1`);
  router.run('ip addr add 198.51.100.1/24 dev wan0; ip link set wan0 up');
  internet.run(`ip addr add ${public4}/24 dev eth0; ip link set eth0 up; ip link set lo up`);
  peer.run(`ip addr add ${behindMesh4}/32 dev mesh0`);
  router.run(`ip route add ${behindMesh4} dev rn0`);
  peer.run(`ip route add ${public4} via ${home.addresses[0] ?? ''}`);
});
afterAll(() => {
  router.remove();
  peer.remove();
  internet.remove();
});

/** `true` when the connection is answered; a drop is a timeout. */
function connects(from: Namespace, to: string, port: number, bind = ''): boolean {
  const script = `const s=require('net').connect({host:'${to}',port:${port}${bind && `,localAddress:'${bind}'`}});
    s.on('connect',()=>process.exit(0));s.on('error',(e)=>process.exit(e.code==='ECONNREFUSED'?0:1));setTimeout(()=>process.exit(1),700)`;
  try {
    from.run(`${process.execPath} -e "${script.replaceAll('\n', ' ')}"`);
    return true;
  } catch {
    return false;
  }
}
const leased = 'add element inet rustynet lease { "rn0" timeout 600s }\n';

describe('what nft lists is what was asked for', () => {
  test.each([
    ['the closed table', closed],
    ['every protocol', desiredOf(rule('any', 'any'))],
    ['one port', desiredOf(rule('any', 'any', 'tcp:22'))],
    ['ports, ranges and icmp', desiredOf(rule('any', 'any', 'tcp:22', 'tcp:8000-8100', 'udp:53', 'icmp'))],
    [
      'a prefix cut into boxes',
      desiredOf(rule('member:laptop', '192.168.1.0/24', 'tcp:80'), rule('any', '192.168.1.128/25')),
    ],
  ])('%s', async (_, desired) => {
    await run(renderWhole(desired, nothingAround));
    const listed = await table();
    expect(guardFindings(desired, { ...nothingAround, guard: listed })).toEqual([]);
    expect(grantFindings(desired, nothingAround, listed)).toEqual([]);
    expect(renderGrants(desired, nothingAround, listed)).toEqual([]);
  });

  test('from any grants to any others, one transaction after the other, and then there is nothing to do', async () => {
    const all = [
      desiredOf(rule('any', 'any')),
      desiredOf(rule('member:laptop', 'member:home', 'tcp:22')),
      desiredOf(),
      desiredOf(rule('any', '192.168.1.0/24', 'icmp'), rule('any', 'any', 'udp:53')),
    ];
    await run(renderTable(closed, false));
    for (const desired of [...all, ...all.reverse()]) {
      for (const script of renderGrants(desired, nothingAround, await table())) await run(script);
      expect(grantFindings(desired, nothingAround, await table())).toEqual([]);
      expect(guardFindings(desired, { ...nothingAround, guard: await table() })).toEqual([]);
      expect(renderGrants(desired, nothingAround, await table())).toEqual([]);
    }
  });

  test('pairs that get other protocols are judged by rules meanwhile: by the new ones, and by nothing else', async () => {
    const ssh = desiredOf(rule('any', 'any', 'tcp:22'));
    const [before, after] = [ssh, desiredOf(rule('any', 'any', 'tcp:23'))];
    await run(renderWhole(before, nothingAround) + leased);
    const scripts = renderGrants(after, nothingAround, await table());
    const passes = (): boolean[] => [22, 23].map((port) => connects(peer, home.addresses[0] ?? '', port));
    expect([scripts.length, passes()]).toEqual([3, [true, false]]);
    await run(scripts[0] ?? '');
    expect(passes(), 'before an element is replaced').toEqual([false, true]);
    await run(`flush map ${name} grants4`);
    expect(passes(), 'while there is none').toEqual([false, true]);
    expect(guardFindings(after, { ...nothingAround, guard: await table() }), 'and if it ended here').not.toEqual([]);
    await run(renderWhole(before, nothingAround) + leased);
    for (const script of renderGrants(after, nothingAround, await table())) await run(script);
    expect(passes()).toEqual([false, true]);
    expect(guardFindings(after, { ...nothingAround, guard: await table() })).toEqual([]);
    const more = desiredOf(rule('any', 'any', 'tcp:23'), rule('any', '192.168.1.0/24', 'tcp:23'));
    expect(renderGrants(more, nothingAround, await table()), 'of new pairs alone').toHaveLength(1);
  });

  test('a map of which much goes is made anew, and rules judge by all of it meanwhile', async () => {
    const hosts = Array.from({ length: 20 }, (_, at) => `192.168.1.${2 * at}/32`);
    const granting = (protocol: string): Desired =>
      desiredOf(rule('any', ['10.77.0.0/16', ...hosts].join(' '), protocol));
    const after = granting('tcp:23');
    const passes = (): boolean[] => [22, 23].map((port) => connects(peer, home.addresses[0] ?? '', port));
    await run(renderWhole(granting('tcp:22'), nothingAround) + leased);
    const scripts = renderGrants(after, nothingAround, await table());
    expect([scripts.length, passes()]).toEqual([3, [true, false]]);
    await run(scripts[0] ?? '');
    await run(`delete map ${name} grants4`);
    expect(passes(), 'while there is no map').toEqual([false, true]);
    await run(renderWhole(granting('tcp:22'), nothingAround) + leased);
    for (const script of renderGrants(after, nothingAround, await table())) await run(script);
    expect(passes()).toEqual([false, true]);
    expect(guardFindings(after, { ...nothingAround, guard: await table() })).toEqual([]);
    expect(renderGrants(after, nothingAround, await table())).toEqual([]);
    // Nothing of so many is left: no words, and no rule.
    for (const script of renderGrants(desiredOf(), nothingAround, await table())) await run(script);
    expect([passes(), renderGrants(desiredOf(), nothingAround, await table())]).toEqual([[false, false], []]);
  });

  const exits = (protocol: string, self: Member, over: Partial<Choices>): Desired =>
    compile(believed([], members, [exitRule('member:laptop', 'member:vps', protocol)]), self.id, {
      ...choices,
      ...over,
    });
  test.each([
    ['carries4', vps, { offersExit: true }, () => [22, 23].map((port) => connects(peer, public4, port))],
    ['uses4', laptop, { exit: vps.name }, () => [22, 23].map((port) => connects(router, behindMesh4, port))],
  ] as const)('and so are those of %s', async (map, self, over, passes) => {
    await run(renderWhole(exits('tcp:22', self, over), uplinked) + leased);
    const after = exits('tcp:23', self, over);
    const scripts = renderGrants(after, uplinked, await table());
    expect([scripts.length, passes()]).toEqual([3, [true, false]]);
    await run(`${scripts[0] ?? ''}flush map ${name} ${map}`);
    expect(passes(), 'while there is no element').toEqual([false, true]);
    await run(renderWhole(exits('tcp:22', self, over), uplinked) + leased);
    for (const script of renderGrants(after, uplinked, await table())) await run(script);
    expect(passes()).toEqual([false, true]);
    expect(guardFindings(after, { ...uplinked, guard: await table() })).toEqual([]);
  });

  test.each([
    ['a rule put before ours', 'insert rule inet rustynet pairs accept'],
    ['a rule that is gone', 'flush chain inet rustynet input'],
    ['a chain more', 'add chain inet rustynet extra'],
    [
      'a base chain with another policy',
      'delete chain inet rustynet input; add chain inet rustynet input { type filter hook input priority -10; policy accept; }',
    ],
    ['another protocol in a chain of grants', 'insert rule inet rustynet p_any accept'],
  ])('%s is a finding', async (_, tampering) => {
    const desired = desiredOf(rule('any', 'any'));
    await run(renderWhole(desired, nothingAround));
    await run(tampering);
    expect(guardFindings(desired, { ...nothingAround, guard: await table() }).length).toBeGreaterThan(0);
  });

  test('an element that somebody added is a finding of the grants', async () => {
    const desired = desiredOf(rule('any', 'any', 'tcp:22'));
    await run(renderWhole(desired, nothingAround));
    await run(
      'add chain inet rustynet p_any; add element inet rustynet grants4 { 10.77.0.99 . 10.77.0.1 : goto p_any }',
    );
    expect(grantFindings(desired, nothingAround, await table())).toEqual([
      'grants4 10.77.0.99 . 10.77.0.1: wanted none, got p_any',
    ]);
  });

  test('without the table there is none', async () => {
    await run('delete table inet rustynet');
    expect(await router.enter(() => firewall.table(name))).toBeUndefined();
    expect(guardFindings(closed, nothingAround)).toHaveLength(1);
  });
});

describe('what packets meet', () => {
  const [home4 = '', laptop4 = ''] = [home.addresses[0], laptop.addresses[0]];
  const outcome = async (desired: Desired, lease = true): Promise<boolean[]> => {
    await run(renderWhole(desired, nothingAround) + (lease ? leased : ''));
    return [
      connects(peer, home4, 22),
      connects(peer, home4, 23),
      connects(router, laptop4, 22),
      connects(peer, home4, 22, '10.77.0.99'),
    ];
  };
  test.each([
    ['closed drops all of it', closed, true, [false, false, false, false]],
    ['without a lease a grant opens nothing', desiredOf(rule('any', 'any')), false, [false, false, false, false]],
    [
      'any to any passes both ways, but for an address of no member',
      desiredOf(rule('any', 'any')),
      true,
      [true, true, true, false],
    ],
    [
      'one port passes, its neighbour does not',
      desiredOf(rule('member:laptop', 'member:home', 'tcp:22')),
      true,
      [true, false, false, false],
    ],
    [
      'the other direction is another grant',
      desiredOf(rule('member:home', 'member:laptop', 'tcp:22')),
      true,
      [false, false, true, false],
    ],
  ])('%s', async (_, desired, lease, wanted) => {
    expect(await outcome(desired, lease)).toEqual(wanted);
  });

  test('a granted packet carries our mark and no other does', async () => {
    const desired = desiredOf(rule('member:laptop', 'member:home', 'tcp:22'));
    await run(renderWhole(desired, nothingAround) + leased);
    await run(
      'add table inet witness; add chain inet witness in { type filter hook input priority 10; }; add rule inet witness in iifname "rn0" meta mark & 0x08000000 == 0x08000000 counter comment "marked"; add rule inet witness in iifname "rn0" meta mark & 0x08000000 != 0x08000000 counter comment "bare"',
    );
    connects(peer, home4, 22);
    connects(peer, home4, 23);
    const listed = router.run('nft list chain inet witness in');
    await run('delete table inet witness');
    expect(listed).toMatch(/counter packets [1-9]\d* bytes \d+ comment "marked"/);
    expect(listed).toMatch(/counter packets 0 bytes 0 comment "bare"/);
  });

  test('the lease ends by itself, with nobody to end it', async () => {
    const desired = desiredOf(rule('any', 'any'));
    await run(`${renderWhole(desired, nothingAround)}add element inet rustynet lease { "rn0" timeout 2s }\n`);
    expect(connects(peer, home4, 22)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(connects(peer, home4, 22)).toBe(false);
  });
});
