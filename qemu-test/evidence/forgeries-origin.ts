// Forgeries of where, when and of what: all signed by the runner itself, as an old, moved or borrowed run is.
import type { Digest } from '../../agent/src/trust/types.ts';
import { bendSamples, leakFile, reachFile, setPredicate, type Forgery } from './forger.ts';
import { gates } from './gates.ts';
import { nowUnixS, type World } from './honest.ts';
import { signedBy } from './runner-key.ts';
import { encodeStatement } from './statement.ts';
import { sha256Of } from './surroundings.ts';

const subjectIs =
  (at: number, digest: Digest) =>
  ({ reach }: World): void => {
    reach.subject = reach.subject.map((each, index) => (index === at ? { ...each, digest: { sha256: digest } } : each));
  };
const times =
  (startUnixS: number, endUnixS: number) =>
  ({ reach }: World): void =>
    setPredicate(reach, { startUnixS, endUnixS });
const copied =
  (from: string, to: string) =>
  (files: Map<string, Uint8Array>): void =>
    void files.set(to, files.get(from) ?? new Uint8Array());
const asGate =
  (name: string) =>
  (world: World): void => {
    world.gate = gates.find((each) => each.name === name) ?? world.gate;
  };
const openwrt = (world: World): void => {
  for (const each of [world.reach, world.leak]) setPredicate(each, { tier: 'openwrt' });
};

export const forgedOrigins: readonly Forgery[] = [
  [
    'evidence of an old commit',
    'other-commit',
    /wanted c0c0.*got 0{40}/,
    ({ reach }) => {
      setPredicate(reach, { commit: '0'.repeat(40) });
    },
  ],
  [
    'evidence of a tree that was changed',
    'was-changed',
    /got 1 changes:  M agent\/src\/plan\/plan\.ts/,
    ({ reach }) => {
      setPredicate(reach, { changed: [' M agent/src/plan/plan.ts'] });
    },
  ],
  [
    'a gate in a changed tree, whose wants may be others',
    'tree-changed',
    /got 1 changes/,
    ({ atHand }) => {
      atHand.changed = [' M qemu-test/evidence/gates/leak.ts'];
    },
  ],
  [
    'no key is pinned',
    'no-runner',
    /^dataplane: .*wanted a pinned key of a runner, got none/,
    ({ atHand }) => {
      atHand.runners = [];
    },
  ],
  [
    'evidence of the lab among that of OpenWrt',
    'tier',
    /^reach: .*wanted openwrt, got lab/,
    ({ atHand }) => {
      atHand.tier = 'openwrt';
    },
  ],
  ['the tier relabelled, where the lab is asked for', 'tier', /wanted lab, got openwrt/, openwrt],
  [
    'the tier relabelled: what ran is still the lab',
    'subject',
    /each of openwrt\/kernel .*got lab\/initrd/,
    (world) => {
      openwrt(world);
      world.atHand.tier = 'openwrt';
      world.atHand.digests = { 'openwrt/kernel': sha256Of('lab/kernel'), 'rustynet.js': sha256Of('rustynet.js') };
    },
  ],
  [
    'a tier that is none',
    'malformed',
    /wanted one of unit lab openwrt at \$\.predicate\.tier/,
    ({ reach }) => {
      setPredicate(reach, { tier: 'production' });
    },
  ],
  ['the lab for a release', 'tier', /^release: .*wanted tier openwrt, got lab/, asGate('release')],
  ['performance that nobody measured', 'missing', /^benchmark-growth: .*got none/m, asGate('performance')],
  ['a soak that nobody ran', 'missing', /^soak: .*got none/, asGate('soak')],
  [
    'another bundle',
    'subject',
    /wanted rustynet\.js at hand, SHA-256 .*got 0{64}/,
    subjectIs(0, '0'.repeat(64) as Digest),
  ],
  ['another kernel', 'subject', /wanted lab\/kernel at hand/, subjectIs(1, sha256Of('another kernel'))],
  ['another root file system', 'subject', /wanted lab\/squashfs at hand/, subjectIs(3, sha256Of('another root'))],
  [
    'no word of the bundle',
    'subject',
    /each of lab\/initrd .*got lab\/initrd lab\/kernel lab\/squashfs$/,
    ({ reach }) => {
      reach.subject = reach.subject.slice(1);
    },
  ],
  [
    'the bundle twice',
    'subject',
    /got .*rustynet\.js rustynet\.js$/,
    ({ reach }) => {
      reach.subject = [...reach.subject, ...reach.subject.slice(0, 1)];
    },
  ],
  [
    'a file that is not at hand',
    'subject',
    /once, got lab\/initrd/,
    ({ atHand }) => {
      const kept = Object.entries(atHand.digests).filter(([name]) => name !== 'lab/kernel');
      atHand.digests = Object.fromEntries(kept);
    },
  ],
  [
    'evidence of the day before yesterday',
    'stale',
    /in the last 86400 s, got one 172800 s ago/,
    times(nowUnixS - 172_900, nowUnixS - 172_800),
  ],
  ['evidence of tomorrow', 'not-yet', /wanted an end before/, times(nowUnixS + 86_300, nowUnixS + 86_400)],
  ['a clock that was set back during the run', 'time', /got -40 s/, times(nowUnixS - 200, nowUnixS - 240)],
  ['a run of a day', 'time', /0 to 3600 s, got 80000 s/, times(nowUnixS - 80_200, nowUnixS - 200)],
  [
    'a run that began before another ended',
    'overlap',
    /got leak begun before reach ended/,
    times(nowUnixS - 150, nowUnixS - 90),
  ],
  [
    'a good run of before in place of the one that failed',
    'other-run',
    /wanted evidence of one run, got 2/,
    ({ reach }) => {
      setPredicate(reach, { run: 'f'.repeat(32) });
    },
  ],
  [
    'the same evidence twice',
    'twice',
    /^reach: .*got it 2 times/,
    undefined,
    copied(reachFile, 'lab/reach-again.dsse.json'),
  ],
  [
    'a copy under another name',
    'other-name',
    /^lab\/again\.dsse.*got reach of tier lab$/,
    undefined,
    copied(reachFile, 'lab/again.dsse.json'),
  ],
  [
    'one promise in place of the other',
    'other-name',
    /^lab\/leak\.dsse.*got reach of tier lab$/,
    undefined,
    copied(reachFile, leakFile),
  ],
  [
    'another run of it beside it',
    'twice',
    /^leak: .*got it 2 times/,
    undefined,
    (files, { leak, runner }) => {
      files.set('lab/leak-2.dsse.json', signedBy(runner, encodeStatement(leak)));
    },
  ],
  ['a promise that is left out', 'missing', /^leak: .*got none/, undefined, (files) => void files.delete(leakFile)],
  [
    'no evidence whatever',
    'missing',
    /^reach: .*got none/,
    undefined,
    (files) => {
      files.clear();
    },
  ],
  [
    'no command that a guest ran',
    'no-command',
    /wanted commands that guests ran/,
    ({ reach }) => {
      setPredicate(reach, { commands: [] });
    },
  ],
  [
    'a capture for two promises',
    'file-twice',
    /got [0-9a-f]{64} of reach, leak/,
    ({ reach, leak }) => {
      const [watch] = leak.predicate.tests.flatMap(({ samples }) => samples.filter(({ kind }) => kind === 'watch'));
      bendSamples(reach, 1, (samples) => [...samples, watch]);
    },
  ],
];
