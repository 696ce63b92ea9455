/** Break-glass of an agent: who may, and what is refused and recorded. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/control/ports.ts';
import { home, nowUnixS } from '../trust/network.ts';
import { asked, confirm, OverriddenLab } from './overridden-lab.ts';

let lab: OverriddenLab;
beforeEach(async () => {
  lab = await OverriddenLab.joined({ break_glass: '1' });
});
afterEach(() => lab.end());

describe('what is refused opens nothing, and is on the record at once', () => {
  const text = ', 1 to 200 characters and no control characters, got ';
  test.each<[string, JsonObject, string]>([
    ['nothing typed', { confirm: '' }, `wanted "${confirm}" typed on a terminal, got ""`],
    ['another name typed', { confirm: 'office' }, `wanted "${confirm}" typed on a terminal, got "office"`],
    ['61 minutes', { minutes: 61 }, 'wanted 1 to 60 minutes, got 61'],
    ['0 minutes', { minutes: 0 }, 'wanted 1 to 60 minutes, got 0'],
    ['less than none', { minutes: -1 }, 'wanted 1 to 60 minutes, got -1'],
    ['half a minute', { minutes: 0.5 }, 'wanted 1 to 60 minutes, got 0.5'],
    ['minutes as text', { minutes: '1' }, 'wanted 1 to 60 minutes, got "1"'],
    ['no reason', { reason: '' }, `wanted a reason${text}""`],
    ['a reason of spaces', { reason: '  ' }, `wanted a reason${text}"  "`],
    ['a reason of two lines', { reason: 'a\nb' }, `wanted a reason${text}"a\\nb"`],
    ['a reason that turns the line around', { reason: 'a\u202eb' }, `wanted a reason${text}"a\u202eb"`],
    ['a reason of 201 characters', { reason: 'x'.repeat(201) }, `wanted a reason${text}"${'x'.repeat(199)}`],
    ['nobody who asks', { who: '' }, `wanted who asks${text}""`],
    [
      'a key of 31 bytes',
      { peer: 'AAAA' },
      'wanted a WireGuard public key, 32 bytes in base64, as the peer, got "AAAA"',
    ],
    ["this router's own key", { peer: home.wireGuardKey }, "wanted another's WireGuard key, got this router's own"],
    ['no allowed IPs', { allowed_ips: [] }, 'wanted 1 to 4 prefixes as allowed IPs, got []'],
    [
      'a host bit',
      { allowed_ips: ['192.168.7.1/24'] },
      'wanted allowed IPs without host bits, like 192.168.7.0/24, got "192.168.7.1/24"',
    ],
    [
      'the LAN',
      { allowed_ips: ['192.168.0.0/16'] },
      'wanted allowed IPs that nobody has, got 192.168.0.0/16, which overlaps 192.168.1.0/24 of lan here',
    ],
    [
      'the internet',
      { allowed_ips: ['0.0.0.0/0'] },
      'wanted allowed IPs within 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, got 0.0.0.0/0',
    ],
    [
      'an endpoint with a name',
      { endpoint: 'r2.example:51820' },
      'wanted an endpoint of address and port, like 203.0.113.7:51820, got "r2.example:51820"',
    ],
    ['an unknown action', { action: 'break' }, 'wanted open, close or status, got "break"'],
    ['to close what is not open', { action: 'close' }, 'wanted one that is open, to close it, got none'],
  ])('%s', async (_, over, message) => {
    const answer = await lab.ask(over);
    expect(answer['error']).toEqual({ code: 'BREAK_GLASS', message });
    expect(await lab.call('status')).toMatchObject({ state: 'closed', break_glass: { open: null }, warnings: [] });
    expect(lab.onFlash()).toEqual([
      expect.objectContaining({ event: 'break-glass-refused', why: message.slice(0, 200) }),
    ]);
  });
  test('but the nearest to them is opened: 60 minutes, a reason of 200 characters, no endpoint', async () => {
    const { who, peer, allowed_ips } = asked;
    const reason = 'é'.repeat(200);
    const answer = await lab.call('break_glass', {
      action: 'open',
      who,
      confirm,
      peer,
      allowed_ips,
      minutes: 60,
      reason,
    });
    expect(answer).toMatchObject({ open: { until: nowUnixS + 3600, reason, endpoint: null } });
    expect(lab.onFlash()).toMatchObject([{ what: 'opened', reason }]);
  });
  test.each<[string, () => void, string]>([
    [
      'UCI that was changed unseen and allows it no more',
      () => lab.options.delete('break_glass'),
      'wanted rustynet.main.break_glass=1 in the UCI of this router, got 0',
    ],
    [
      'UCI that cannot be read',
      () => lab.options.set('mtu', 'x'),
      'rustynet.main.mtu: wanted an integer from 1280 to 9000, got "x"',
    ],
    [
      'a router without a LAN',
      () => void (lab.locals = []),
      'wanted a LAN of this router that it announces, got none; "rustynet announce PREFIX"',
    ],
  ])('%s', async (_, change, message) => {
    change();
    lab.agent.trigger();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await lab.ask())['error']).toMatchObject({ message });
    expect(lab.onFlash()).toMatchObject([{ event: 'break-glass-refused', why: message }]);
  });
  test('a flash that does not take the record', async () => {
    await lab.agent.stop();
    const folder = lab.folder;
    lab = new OverriddenLab(Object.fromEntries(lab.options), folder);
    await lab.settles('closed');
    const write = lab.audit.write.bind(lab.audit);
    lab.audit.write = () => {
      throw new Error('ENOSPC: no space left on device');
    };
    const message = 'wanted it in the audit log first, got a flash that does not take it';
    expect((await lab.ask())['error']).toMatchObject({ message });
    lab.audit.write = write;
    expect(await lab.call('status')).toMatchObject({ state: 'closed', break_glass: { open: null } });
    await lab.opens();
    expect(lab.onFlash().map(({ event }) => event)).toEqual(['break-glass-refused', 'break-glass']);
  });
  test('a second beside the first, and a seventh in an hour', async () => {
    await lab.opens();
    expect((await lab.ask())['error']).toMatchObject({
      message: expect.stringContaining('wanted none that is open') as string,
    });
    for (let round = 0; round < 5; round += 1) {
      await lab.ask({ action: 'close' });
      expect(await lab.ask()).toMatchObject({ open: {} });
    }
    await lab.ask({ action: 'close' });
    expect((await lab.ask())['error']).toMatchObject({ message: 'wanted 6 openings an hour at most, got 7' });
    lab.passedS += 3600;
    expect(await lab.ask()).toMatchObject({ open: {} });
    expect(lab.told().filter((line) => line === 'opened')).toHaveLength(7);
    expect(await lab.call('audit', { verify: true })).toMatchObject({ whole: true });
  });
});

test('off unless UCI says so, and outside of a network', async () => {
  await lab.end();
  lab = await OverriddenLab.joined({});
  const message = 'wanted rustynet.main.break_glass=1 in the UCI of this router, got 0';
  expect((await lab.ask())['error']).toMatchObject({ message });
  expect(await lab.ask({ action: 'status' })).toEqual({ allowed: false, confirm, open: null });
  lab.options.set('break_glass', '1');
  expect(await lab.ask({ action: 'status' })).toEqual({ allowed: true, confirm, open: null });
  await lab.opens();
  await lab.end();
  lab = new OverriddenLab({ break_glass: '1' });
  await lab.settles('closed');
  expect((await lab.ask())['error']).toMatchObject({
    message: 'wanted a router that joined a network, got one that joined none',
  });
});
