/**
 * A model of belief: any order of roots and maps, honest and stolen, of two publishers who do not know of each other, from
 * a broker who keeps, reorders and repeats everything, with the power cut at any write. The world beside it knows who
 * signed what and complains of an older root, an older epoch, two maps of one epoch, and anything below its threshold.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxVersion } from '../../src/trust/limits.ts';
import type { Root } from '../../src/trust/types.ts';
import { mapSigners, owners, roleOf, TrustWorld, type Document, type MadeRoot } from './trust-world.ts';

type Command = fc.Command<object, TrustWorld>;
function command(name: string, run: (world: TrustWorld) => void): Command {
  return { check: () => true, run: (_, world) => run(world), toString: () => name };
}

const some = <Value>(values: readonly Value[]): fc.Arbitrary<Value[]> =>
  fc.subarray([...values], { minLength: 1, maxLength: 3 });
const changes = ['end', 'map', 'owners', 'back'] as const;

function changed(root: Root, change: (typeof changes)[number]): Root {
  const turned = (role: Root['map'], all: typeof owners) => {
    const gone = role.keys[0];
    const come = all.find(({ key }) => !role.keys.includes(key));
    const kept = all.filter(({ key }) => role.keys.includes(key) && key !== gone);
    return roleOf(come === undefined ? kept : [...kept, come]);
  };
  const next = { ...root, version: root.version + 1 };
  if (change === 'map') return { ...next, map: turned(root.map, mapSigners) };
  if (change === 'owners') return { ...next, root: turned(root.root, owners) };
  return change === 'back' ? { ...next, map: roleOf(mapSigners.slice(0, 3)) } : next;
}

/** Enough of both, as honest owners do it. */
function enough(current: Root, next: Root): typeof owners {
  const both = owners.filter(({ key }) => current.root.keys.includes(key) && next.root.keys.includes(key));
  return both.slice(0, 2);
}

const roots = (world: TrustWorld): readonly MadeRoot[] => world.documents.filter((each) => each.kind === 'root');
const pick = <Value>(values: readonly Value[], at: number): Value | undefined =>
  values[values.length - 1 - (at % values.length)];

const honestRoot = fc.tuple(fc.constantFrom(...changes), fc.boolean()).map(([change, isSent]) =>
  command(`root ${change}${isSent ? ', sent' : ''}`, (world) => {
    const parent = world.root;
    const root = changed(parent.root, change);
    const made = world.signRoot(root, enough(parent.root, root));
    if (isSent) world.happen(() => world.deliver(made, true));
  }),
);
/** Of anybody who has some owners' keys, after any root that there is. */
const anyRoot = fc.tuple(fc.nat(5), fc.constantFrom(...changes), some(owners)).map(([at, change, signers]) =>
  command(`root ${change} after ${at} by ${signers.length}`, (world) => {
    const parent = pick(roots(world), at) ?? world.first;
    world.signRoot(changed(parent.root, change), signers);
  }),
);
/** Two publishers: each counts on from what the router has, and knows nothing of the other. */
const honestMap = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })).map(([step, publisher]) =>
  command(`map +${step} of publisher ${publisher}`, (world) => {
    const { root } = world.root;
    const signers = mapSigners.filter(({ key }) => root.map.keys.includes(key)).slice(publisher - 1, publisher + 1);
    const epoch = Math.min(maxVersion, world.belief.floors.epoch + step);
    world.signMap(epoch, root.version, signers);
    const made = world.documents.at(-1);
    if (made !== undefined) world.happen(() => world.deliver(made, true));
  }),
);
/** Of anybody who has some map keys, present or retired, for any epoch and any root. */
const anyMap = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(maxVersion)),
    fc.integer({ min: 1, max: 6 }),
    some(mapSigners),
  )
  .map(([epoch, version, signers]) =>
    command(`map ${epoch} of root ${version} by ${signers.length}`, (world) => {
      world.signMap(epoch, version, signers);
    }),
  );
const deliver = fc.tuple(fc.nat(12), fc.boolean()).map(([at, withParts]) =>
  command(`deliver ${at}${withParts ? '' : ' without parts'}`, (world) => {
    const document: Document = pick(world.documents, at) ?? world.first;
    world.happen(() => world.deliver(document, withParts));
  }),
);
const restart = fc.tuple(fc.integer({ min: 1, max: 14 }), fc.boolean()).map(([at, half]) =>
  command(`boot, power goes at write ${at}${half ? ' and a half' : ''}`, (world) => {
    world.happen(() => world.start(at, half));
  }),
);

test('no reachable state has an older root or epoch, two maps of one epoch, or anything below its threshold', async () => {
  const totals: Record<string, number> = {};
  const states = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.commands([honestRoot, anyRoot, honestMap, honestMap, anyMap, deliver, deliver, deliver, restart], {
        maxCommands: 40,
        size: 'max',
      }),
      async (commands) => {
        // The test runner must hear of this process now and then.
        await new Promise(setImmediate);
        const world = new TrustWorld();
        try {
          fc.modelRun(() => ({ model: {}, real: world }), commands);
        } finally {
          for (const [what, count] of Object.entries(world.counts)) totals[what] = (totals[what] ?? 0) + count;
          for (const state of world.states) states.add(state);
          world.end();
        }
      },
    ),
    { numRuns: 120 },
  );
  console.warn(`trust model: ${states.size} states, ${JSON.stringify(totals)}`);
  // A model that never gets anywhere finds nothing.
  const { roots: walked = 0, maps = 0, cuts = 0, resets = 0, refusals = 0 } = totals;
  expect(Math.min(walked, maps, cuts, resets, refusals), JSON.stringify(totals)).toBeGreaterThan(20);
}, 240_000);
