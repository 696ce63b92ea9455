/** What of two runs goes into the log, a sentence a row; and with an agent, what is then on flash. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Happening } from '../../src/control/audit.ts';
import { unproven, type Outcome } from '../../src/control/reconcile.ts';
import type { Report } from '../../src/control/status.ts';
import { tell, type Scene } from '../../src/control/telling.ts';
import { encodeInvite } from '../../src/trust/invite.ts';
import { refusalReasons, type Cidr, type Digest, type Floors, type RefusalReason } from '../../src/trust/types.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { topics } from '../../src/trust/topics.ts';
import { digestOf } from '../../src/trust/words.ts';
import { choices } from '../policy/believed.ts';
import { mapOf, network, nowUnixS, otherNetwork, rootOf, signedRoot } from '../trust/network.ts';
import { LabOfOne } from './lab-of-one.ts';

const pinned: Floors = {
  rootVersion: 1,
  rootDigest: 'r1' as Digest,
  minMapRootVersion: 1,
  epoch: 0,
  timeUnixS: nowUnixS,
};
const floors: Floors = { ...pinned, epoch: 7, mapDigest: 'm7' as Digest };
const counted = (some: Partial<Record<RefusalReason, number>>, last?: [RefusalReason, string]): Report['refusals'] => ({
  counts: {
    ...(Object.fromEntries(refusalReasons.map((reason) => [reason, 0])) as Record<RefusalReason, number>),
    ...some,
  },
  last: last && { refused: last[0], detail: last[1], atUnixS: nowUnixS },
});
const outcome = (steps: readonly string[], finding?: string): Outcome => ({
  ...unproven('', nowUnixS),
  proof: { guard: [], rest: finding === undefined ? [] : [finding] },
  steps,
});
const report: Report = {
  version: '1',
  identity: { wireGuardKey: 'k1' } as Report['identity'],
  judgement: { state: 'enforced', why: 'the kernel shows it' },
  nowUnixS,
  clock: 'ntp',
  network,
  invite: undefined,
  map: undefined,
  floors,
  refusals: counted({}),
  broker: undefined,
  outcome: outcome([]),
  changeMs: {},
  leaseS: 600,
  breakGlass: { allowed: false, open: null },
  flashWrites: 0,
  choices: { ...choices, announced: [] },
  problems: [],
};
interface Over extends Partial<Omit<Scene, 'report'>> {
  readonly report?: Partial<Report>;
}
const scene = ({ report: part = {}, ...over }: Over = {}): Scene => ({
  report: { ...report, ...part },
  isConfigured: true,
  subject: 'a',
  clockUnixS: nowUnixS,
  monotonicS: 100,
  ...over,
});
/** What is told of the last of the scenes. */
function toldOf(...scenes: readonly Scene[]): readonly Happening[] {
  let [seen, told]: [Parameters<typeof tell>[0], readonly Happening[]] = [undefined, []];
  for (const each of scenes) ({ told, seen } = tell(seen, each));
  return told;
}
const state = (name: Report['judgement']['state'], why = ''): Over => ({ report: { judgement: { state: name, why } } });
const unset: Over = { report: { network: undefined, floors: undefined, refusals: undefined } };
const drifted = outcome(['guard: set']);
const enforced = { event: 'state', fields: { state: 'enforced', why: 'the kernel shows it', epoch: 7 } };
const raised = (epoch: number, time = nowUnixS, version = 1): Happening => ({
  event: 'floors-raised',
  fields: { root_version: version, epoch, time },
});

describe('told', () => {
  test.each<[string, readonly Over[], readonly unknown[]]>([
    ['the state that the first run found, and nothing that was so before', [{}], [enforced]],
    ['nothing when nothing changed', [{}, {}], []],
    [
      'a state that changed, and why',
      [{}, state('closed', 'expired')],
      [{ event: 'state', fields: { state: 'closed', why: 'expired', epoch: 7 } }],
    ],
    ['not other words for the same state', [state('closed', 'a'), state('closed', 'b')], []],
    [
      'joining, with the floors of the invite',
      [unset, { report: { floors: pinned, refusals: undefined } }],
      [{ event: 'joined', fields: { network } }, raised(0)],
    ],
    ['leaving', [{}, unset], [{ event: 'left', fields: { network } }]],
    [
      'both, when the network became another',
      [{}, { report: { network: otherNetwork } }],
      [
        { event: 'left', fields: { network } },
        { event: 'joined', fields: { network: otherNetwork } },
        { event: 'map-accepted', fields: { epoch: 7, digest: 'm7' } },
        raised(7),
      ],
    ],
    ['no leaving when the settings cannot be read', [{}, { ...unset, isConfigured: false }], []],
    ['no joining when they can be read again', [{ ...unset, isConfigured: false }, {}, {}], []],
    ['nor when they could not be read at the start', [{ ...unset, isConfigured: false }, {}], []],
    [
      'a leaving that was done while they could not be read',
      [{}, { ...unset, isConfigured: false }, unset],
      [{ event: 'left', fields: { network } }],
    ],
    [
      'an accepted map and the floors',
      [{}, { report: { floors: { ...floors, epoch: 8, mapDigest: 'm8' as Digest } } }],
      [{ event: 'map-accepted', fields: { epoch: 8, digest: 'm8' } }, raised(8)],
    ],
    [
      'an accepted root and the floors',
      [{}, { report: { floors: { ...floors, rootVersion: 2, rootDigest: 'r2' as Digest } } }],
      [{ event: 'root-accepted', fields: { version: 2, digest: 'r2' } }, raised(7, nowUnixS, 2)],
    ],
    [
      'the time floor alone',
      [{}, { report: { floors: { ...floors, timeUnixS: nowUnixS + 9 } } }],
      [raised(7, nowUnixS + 9)],
    ],
    ['no floors that were there before a session was opened anew', [{}, { report: { floors: undefined } }, {}], []],
    [
      'a map that was accepted before the first run after a session was opened anew',
      [
        {},
        { report: { floors: undefined } },
        { report: { floors: { ...floors, epoch: 8, mapDigest: 'm8' as Digest } } },
      ],
      [{ event: 'map-accepted', fields: { epoch: 8, digest: 'm8' } }, raised(8)],
    ],
    [
      'refusals with their number, the last with its detail',
      [{}, { report: { refusals: counted({ rollback: 2, fork: 1 }, ['fork', 'wanted 1, got 2']) } }],
      [
        { event: 'refused', fields: { reason: 'rollback', detail: '' }, times: 2 },
        { event: 'refused', fields: { reason: 'fork', detail: 'wanted 1, got 2' }, times: 1 },
      ],
    ],
    [
      'refusals of a session that counts from 0',
      [{ report: { refusals: counted({ fork: 5 }) } }, { report: { refusals: counted({ fork: 1 }) } }],
      [{ event: 'refused', fields: { reason: 'fork', detail: '' }, times: 1 }],
    ],
    [
      'a choice of exit',
      [{}, { report: { choices: { ...choices, announced: [], exit: 'full' } } }],
      [
        {
          event: 'choices',
          fields: { exit: 'full', exit_lan: false, offer_exit: false, announced: '', local_networks: 'lan' },
        },
      ],
    ],
    [
      'announced prefixes',
      [{}, { report: { choices: { ...choices, announced: ['192.168.1.0/24' as Cidr] } } }],
      [{ event: 'choices', fields: expect.objectContaining({ announced: '192.168.1.0/24' }) as unknown }],
    ],
    [
      'another WireGuard key in use',
      [{}, { report: { identity: { wireGuardKey: 'k2' } as Report['identity'] } }],
      [{ event: 'key-changed', fields: { wireguard: 'k2' } }],
    ],
    [
      'a clock that was set back',
      [{}, { clockUnixS: nowUnixS - 3600 }],
      [{ event: 'clock-jump', fields: { by_s: -3600 } }],
    ],
    [
      'a clock that was set in small steps, once they are many',
      [{}, { clockUnixS: nowUnixS + 100 }, { clockUnixS: nowUnixS + 200 }],
      [{ event: 'clock-jump', fields: { by_s: 200 } }],
    ],
    ['no clock that goes on', [{}, { clockUnixS: nowUnixS + 5000, monotonicS: 5100 }], []],
    ['a jump once', [{}, { clockUnixS: nowUnixS + 900 }, { clockUnixS: nowUnixS + 900 }], []],
    [
      'drift that was repaired: steps, with the same map and choices, where all had been proven',
      [{}, { report: { outcome: drifted } }],
      [{ event: 'drift-repaired', fields: { steps: 'guard: set' } }],
    ],
    ['no drift when the map or the choices are others', [{}, { subject: 'b', report: { outcome: drifted } }], []],
    [
      'no drift when the steps go on with what was not proven',
      [{ report: { outcome: outcome([], 'routes') } }, { report: { outcome: drifted } }],
      [],
    ],
    ['no drift at the start', [{ report: { outcome: drifted } }], [enforced]],
    ['drift only once it is repaired', [{}, { report: { outcome: outcome(['guard: set'], 'guard') } }], []],
    [
      'and then by the steps that began it',
      [{}, { report: { outcome: outcome(['guard: set'], 'guard') } }, { report: { outcome: outcome(['more']) } }],
      [{ event: 'drift-repaired', fields: { steps: 'guard: set' } }],
    ],
  ])('%s', (_, overs, wanted) => {
    const held = scene(overs[0]);
    const scenes = overs.slice(1).map((over) => {
      const same = over.report !== undefined && 'refusals' in over.report ? {} : { refusals: held.report.refusals };
      return scene({ ...over, report: { ...same, ...over.report } });
    });
    expect(toldOf(held, ...scenes)).toEqual(wanted);
  });
  test('counts that grow in place, as those of a session do, are told by how much', () => {
    const counts = { ...(counted({ fork: 1 })?.counts as Record<RefusalReason, number>) };
    const first = tell(undefined, scene({ report: { refusals: { counts, last: undefined } } }));
    expect(first.told).toContainEqual({ event: 'refused', fields: { reason: 'fork', detail: '' }, times: 1 });
    counts.fork += 3;
    expect(tell(first.seen, scene({ report: { refusals: { counts, last: undefined } } })).told).toEqual([
      { event: 'refused', fields: { reason: 'fork', detail: '' }, times: 3 },
    ]);
  });
});

describe('an agent', () => {
  const root = rootOf();
  const invite = encodeInvite({
    network,
    root: { version: 1, digest: digestOf(encodeRoot(root)) },
    broker: { url: 'mqtt://broker.invalid', user: 'router', password: 'secret' },
    issuedUnixS: nowUnixS - 500,
  });
  const eventsIn = (text: string): string[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => String((JSON.parse(line) as { event: string }).event));
  const onFlash = (lab: LabOfOne): string => readFileSync(join(lab.folder, 'audit/1'), 'utf8');

  test('has its start, its joining and a refused map on flash at once, counted among the writes; the rest when it stops', async () => {
    const lab = new LabOfOne('home');
    await lab.settles('closed');
    expect(await lab.call('audit')).toMatchObject({ segment: null, text: '' });
    await lab.call('join', { invite });
    await expect.poll(() => lab.call('audit', { verify: true })).toMatchObject({ lines: expect.any(Number) as number });
    await expect.poll(async () => String((await lab.call('audit'))['text'])).toContain('"event":"joined"');
    expect(eventsIn(onFlash(lab)).slice(0, 3)).toEqual(['start', 'state', 'joined']);
    const { flash_writes: before } = await lab.call('status');
    lab.deliver?.({ topic: topics.root(network, 1), payload: signedRoot(root) });
    lab.deliver?.({ topic: topics.map(network), payload: mapOf({ issuedUnixS: nowUnixS + 9_999 }).envelope });
    await expect.poll(() => onFlash(lab)).toContain('"event":"refused","reason":"not-yet","detail":"wanted');
    const { flash_writes: after } = await lab.call('status');
    // The root, and the log.
    expect(Number(after) - Number(before)).toBe(2);
    expect(await lab.call('audit', { verify: true })).toMatchObject({ whole: true, segments: 1 });
    expect(await lab.call('audit', { segment: '9' })).toMatchObject({ error: { code: 'AUDIT' } });
    expect(onFlash(lab)).not.toContain('secret');
    await lab.call('exit', { exit: 'full' });
    expect(String((await lab.call('audit'))['waiting'])).toContain('"event":"choices","exit":"full"');
    await lab.agent.stop();
    expect(onFlash(lab)).toContain('"event":"choices","exit":"full"');
    await lab.end();
  });
});
