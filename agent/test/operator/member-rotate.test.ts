/** A router that has new keys stays the member that it was: what changes in members.json and in the next map, and what not. */
import { describe, expect, it } from 'vitest';
import { deriveMemberV6 } from '../../src/trust/ip.ts';
import { memberOf } from '../trust/network.ts';
import { done, file, json, populated, refused, type Answer } from './operator.ts';

describe('member rotate', () => {
  const rules = JSON.stringify({ rules: [{ from: ['member:home'], to: ['any'], protocols: ['any'] }] });
  const fresh = memberOf('fresh', '10.77.0.9');
  const memberNamed = async (folder: string, name: string): Promise<Answer> =>
    (await done(folder, ['member', 'list'])).members.find((member: Answer) => member.name === name);

  it('--wireguard changes that key alone; sign shows it, and no other member moves', async () => {
    const folder = await populated();
    await done(folder, ['policy', 'set', file(rules)]);
    await done(folder, ['sign']);
    const before = json(folder, 'members.json').members;
    await done(folder, ['member', 'rotate', 'home', '--wireguard', fresh.wireGuardKey]);
    const at = before.findIndex((member: Answer) => member.name === 'home');
    const wanted = before.map((each: Answer) =>
      each === before[at] ? { ...each, wireguard: fresh.wireGuardKey } : each,
    );
    expect(json(folder, 'members.json').members).toEqual(wanted);
    const { difference } = await done(folder, ['sign']);
    const change = { what: 'WireGuard key', from: before[at].wireguard, to: fresh.wireGuardKey };
    expect(difference.members).toEqual({ added: [], removed: [], changed: [{ name: 'home', changes: [change] }] });
    await done(folder, ['verify']);
  });

  it('--identity changes the node id and the IPv6 address that follows from it, and keeps the IPv4 address', async () => {
    const folder = await populated();
    const before = await memberNamed(folder, 'office');
    await done(folder, ['member', 'rotate', 'office', '--identity', fresh.identityKey]);
    const after = await memberNamed(folder, 'office');
    const { network: id } = json(folder, 'network.json');
    expect(after).toEqual({
      ...before,
      id: fresh.id,
      identity: fresh.identityKey,
      addresses: [before.addresses[0], deriveMemberV6(id, fresh.id)],
    });
  });

  const rows: readonly [string, readonly string[], string, RegExp, number?][] = [
    ['no key', ['home'], 'usage', /wanted --wireguard, --identity or both, got neither/, 2],
    ['a name that nobody has', ['phone', '--wireguard', fresh.wireGuardKey], 'unknown-name', /got "phone"/],
    ['half a key', ['home', '--wireguard', 'AAAA'], 'usage', /wanted a WireGuard public key, base64,/, 2],
    [
      'the key that it has',
      ['home', '--wireguard', memberOf('home', '10.77.0.1').wireGuardKey],
      'same-key',
      /wanted a new key of home, got the one that it has/,
    ],
    [
      'the key of another member',
      ['home', '--wireguard', memberOf('office', '10.77.0.1').wireGuardKey],
      'conflict',
      /the network as it would become: /,
    ],
  ];
  it.each(rows)('refuses %s', async (_sentence, argv, code, message, exit = 1) => {
    await refused(await populated(), ['member', 'rotate', ...argv], { code, message, exit });
  });
});
