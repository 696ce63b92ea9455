/** What the agent says of itself, and how the command line shows it. */
import { expect, test } from 'vitest';
import type { Identity } from '../../src/control/identity.ts';
import { statusReport, type Report } from '../../src/control/status.ts';
import { statusLines } from '../../src/text.ts';
import { believed, choices } from '../policy/believed.ts';
import { home, network } from '../trust/network.ts';

const map = believed([]);
const report: Report = {
  ...{ version: 'test', network, invite: undefined, map },
  identity: { id: home.id, identityKey: home.identityKey, wireGuardKey: home.wireGuardKey } as Identity,
  judgement: { state: 'enforced', why: 'so it is' },
  ...{ nowUnixS: map.issuedUnixS, clock: 'ntp' },
  ...{ floors: undefined, refusals: undefined, broker: undefined, outcome: undefined },
  ...{ changeMs: {}, leaseS: 500, flashWrites: 0, choices, problems: [] },
  breakGlass: { allowed: false, open: null },
};

test("has the router's own addresses in the mesh", () => {
  const status = statusReport(report);
  expect(status['addresses']).toEqual(home.addresses);
  expect(statusLines(status)).toContain(`addresses   ${home.addresses.join(' ')}`);
});

test('and none where no map in force has the router', () => {
  for (const other of [undefined, { ...map, members: map.members.filter(({ id }) => id !== home.id) }]) {
    const status = statusReport({ ...report, map: other });
    expect(status).toMatchObject({ name: null, addresses: [] });
    expect(statusLines(status)).toContain('addresses   none');
  }
});

test.each([
  ['before three quarters of its life nothing is said', 0.74, []],
  ['then how long it lasts, as people say it', 0.75, ['the map expires in 4 d: ask the operator to sign a new one']],
])('a map that ends: %s', (_, spent, warnings) => {
  const nowUnixS = map.issuedUnixS + spent * (map.expiresUnixS - map.issuedUnixS);
  expect(statusReport({ ...report, nowUnixS })['warnings']).toEqual(warnings);
});
