// The gates by name: the tier that each needs, the promises that each wants to see, and what no part of this project makes
// yet, for which a gate stays shut.
import type { Tier } from '../image/build.ts';
import { timed } from '../timed.ts';
import { dataplane } from './gates/dataplane.ts';
import { leak } from './gates/leak.ts';
import { membership } from './gates/membership.ts';
import type { Wants } from './wants.ts';

export interface Gate {
  readonly name: string;
  readonly tiers: readonly Tier[];
  readonly promises: Readonly<Record<string, Wants>>;
  /** Of these promises, those that no other may run beside. */
  readonly alone: readonly string[];
  /** Inputs that nothing makes yet. */
  readonly unmade: readonly string[];
  /** Whether a key that is named at the command line counts, beside those of the project. */
  readonly takesAnyRunner: boolean;
}

const benchmarks = ['raw samples of benchmarks (npm run bench)', 'budgets that they are held to'];
const soak = ['a soak of 24 hours with its seed and events (npm run soak)'];
const deliverables = ['an SBOM', 'a signed manifest of packages', 'a report of npm audit'];

const ofLab = (name: string, promises: Gate['promises'], unmade: readonly string[] = []): Gate => ({
  ...{ name, promises, unmade, alone: timed },
  tiers: ['lab', 'openwrt'],
  takesAnyRunner: true,
});

export const gates: readonly Gate[] = [
  ofLab('dataplane', dataplane),
  ofLab('membership', membership),
  ofLab('leak', leak),
  ofLab('performance', {}, benchmarks),
  ofLab('soak', {}, soak),
  {
    name: 'release',
    alone: timed,
    tiers: ['openwrt'],
    promises: { ...dataplane, ...membership, ...leak },
    unmade: [...benchmarks, ...soak, ...deliverables],
    takesAnyRunner: false,
  },
];
