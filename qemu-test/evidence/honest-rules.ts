// For tests: the gate of leaks with the promise of broken rules beside one of the lab, and evidence that it opens for. In:
// nothing. Out: a draft that a forger bends; each outcome is what is wanted, with one packet that notices the mutation.
import { mutate, mutations, type Mutation, type ScenarioName } from '../../agent/test/system/mutations.ts';
import { scenarios, wantedOf, type Outcome } from '../../agent/test/system/packets.ts';
import { guestless } from '../guestless.ts';
import { asRenderedTitle, brokenTitle, rules } from './gates/rules.ts';
import { draft, honest, nowUnixS, seal, type Draft, type Sealed, type World } from './honest.ts';
import { ruleDigests } from './rule-subjects.ts';
import type { Sample, TestRecord } from './statement.ts';

export interface Ruled extends World {
  readonly rules: Draft;
}

function recordOf(test: string, name: ScenarioName, outcome: Outcome, replaced = '', by = ''): TestRecord {
  const seen = Object.entries(outcome).map(([sentence, source]) => ({ sentence, source }));
  const sample: Sample = { kind: 'packets', rules: name, replaced, by, seen };
  return { test, thrown: [], samples: [sample] };
}

export function noticing([, name, , , shuts]: Mutation): Outcome {
  const wanted = wantedOf(scenarios[name]);
  const closed = Object.keys(wanted).find((sentence) => wanted[sentence] === 'none') ?? '';
  return { ...wanted, ...(shuts === undefined ? { [closed]: 'heard 10.77.0.99' } : { [shuts]: 'none' }) };
}

function testsOf(): readonly TestRecord[] {
  const names = Object.keys(scenarios) as ScenarioName[];
  return [
    ...names.map((name) => recordOf(asRenderedTitle(name), name, wantedOf(scenarios[name]))),
    ...mutations.map((each) => {
      const { replaced, by } = mutate(each);
      return recordOf(brokenTitle(each), each[1], noticing(each), replaced, by);
    }),
  ];
}

export function honestRules(): Ruled {
  const world = honest();
  const ofRules = draft('broken-rules-are-noticed', nowUnixS - 500, testsOf());
  const machine = { ...ofRules.predicate.machine, guestKernel: '', qemu: '' };
  const digests = ruleDigests();
  return {
    ...world,
    gate: { ...world.gate, name: 'leak', unit: guestless, promises: { ...world.gate.promises, ...rules } },
    atHand: { ...world.atHand, rules: digests },
    rules: {
      ...ofRules,
      subject: Object.entries(digests).map(([name, sha256]) => ({ name, digest: { sha256 } })),
      predicate: { ...ofRules.predicate, tier: 'unit', machine, commands: [] },
    },
  };
}

export const sealRules = ({ reach, leak, rules, runner, attachments }: Ruled): Sealed =>
  seal([reach, leak, rules], runner, attachments);
