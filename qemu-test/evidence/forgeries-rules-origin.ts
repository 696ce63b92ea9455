// Forgeries of where the list of broken rules comes from: its run, its tier, its file.
import { encodeEnvelope, openEnvelope } from '../../agent/src/trust/dsse.ts';
import { setPredicate, textOf } from './forger.ts';
import { rulesFile, type After, type Bend, type ForgedRules } from './forgeries-rules.ts';
import { newRunner } from './honest.ts';
import { signedBy } from './runner-key.ts';
import { encodeStatement, maxEvidenceBytes, payloadType } from './statement.ts';
import { sha256Of } from './surroundings.ts';

const predicate =
  (change: object): Bend =>
  ({ rules }) =>
    setPredicate(rules, { ...change });

/** Replaces text of the payload and leaves the signature as it is. */
const edited =
  (from: string, to: string): After =>
  (files) => {
    const { payload, signatures } = openEnvelope(
      files.get(rulesFile) ?? new Uint8Array(),
      payloadType,
      maxEvidenceBytes,
    );
    const bent = textOf(payload).replace(from, to);
    if (bent === textOf(payload)) throw new Error(`forgery: wanted ${from} in the payload, got none`);
    files.set(rulesFile, encodeEnvelope({ payloadType, payload: Buffer.from(bent), signatures }));
  };
const moved =
  (to: string): After =>
  (files) => {
    files.set(to, files.get(rulesFile) ?? new Uint8Array());
    files.delete(rulesFile);
  };

export const forgedRuleOrigins: readonly ForgedRules[] = [
  ['a list of another commit', 'other-commit', /wanted c0c0.*got 0{40}/, predicate({ commit: '0'.repeat(40) })],
  ['a list of another run', 'other-run', /wanted evidence of one run, got 2/, predicate({ run: 'f'.repeat(32) })],
  [
    'a list of a changed tree',
    'was-changed',
    /got 1 changes/,
    predicate({ changed: [' M agent/test/system/packets.ts'] }),
  ],
  [
    'the list said to be of the lab',
    'tier',
    /^broken-rules-are-noticed: .*wanted unit, got lab/,
    predicate({ tier: 'lab' }),
  ],
  [
    'the list said to be of OpenWrt, where that is asked for',
    'tier',
    /^broken-rules-are-noticed: .*wanted unit, got openwrt/,
    (world) => {
      for (const each of [world.reach, world.leak, world.rules]) setPredicate(each, { tier: 'openwrt' });
      world.atHand.tier = 'openwrt';
    },
  ],
  [
    'a promise of the lab said to need no guest',
    'tier',
    /^reach: .*wanted lab, got unit/,
    ({ reach }) => {
      setPredicate(reach, { tier: 'unit' });
    },
  ],
  [
    'a promise of the lab without a guest',
    'tier',
    /^reach: .*wanted the kernel of guests, got none/,
    ({ reach }) => {
      setPredicate(reach, { machine: { ...reach.predicate.machine, guestKernel: '' } });
    },
  ],
  [
    'a list that ran in a guest',
    'tier',
    /^broken-rules-are-noticed: .*wanted no guest, got 6\.12\.0/,
    ({ rules }) => {
      setPredicate(rules, { machine: { ...rules.predicate.machine, guestKernel: '6.12.0' } });
    },
  ],
  [
    'the list among what is of the lab',
    'other-name',
    /^lab\/broken.*got broken-rules-are-noticed of tier unit/,
    undefined,
    moved('lab/broken-rules-are-noticed.dsse.json'),
  ],
  [
    'other rules than those at hand',
    'subject',
    /wanted rules\/pairs at hand/,
    ({ rules }) => {
      const [pairs, ...others] = rules.subject;
      rules.subject = [{ name: String(pairs?.name), digest: { sha256: sha256Of('other rules') } }, ...others];
    },
  ],
  [
    'rules of which it does not speak',
    'subject',
    /wanted each of rules\/client .*got/,
    ({ rules }) => {
      rules.subject = rules.subject.slice(1);
    },
  ],
  [
    'an outcome edited after it was signed',
    'wrong-signer',
    /^unit\/broken/,
    undefined,
    edited('heard 10.77.0.99', 'none'),
  ],
  ['a replacement edited after it was signed', 'wrong-signer', /^unit\/broken/, undefined, edited(' timeout 1s', '')],
  [
    'a list that somebody else signed',
    'wrong-signer',
    /^unit\/broken/,
    undefined,
    (files, { rules }) => void files.set(rulesFile, signedBy(newRunner(), encodeStatement(rules))),
  ],
  [
    'a list that nobody signed, as a run without a key writes it',
    'unsigned',
    /^unit\/broken-rules-are-noticed\.unsigned/,
    undefined,
    (files, { rules }) => {
      files.delete(rulesFile);
      files.set('unit/broken-rules-are-noticed.unsigned.json', encodeStatement(rules));
    },
  ],
];
