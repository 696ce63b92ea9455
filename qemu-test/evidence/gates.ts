// The gates by name: the tier that each needs, the promises that each wants to see, and what no part of this project makes
// yet, for which a gate stays shut.
import type { Tier } from '../image/build.ts';
import { timed } from '../timed.ts';
import { dataplane } from './gates/dataplane.ts';
import { leak } from './gates/leak.ts';
import { membership } from './gates/membership.ts';
import { performance } from './gates/performance.ts';
import { longSoak, soak } from './gates/soak.ts';
import type { Wants } from './wants.ts';

export interface Gate {
  readonly name: string;
  readonly tiers: readonly Tier[];
  readonly promises: Readonly<Record<string, Wants>>;
  /** Of these promises, those that no other may run beside. */
  readonly alone: readonly string[];
  /** From the beginning of one to its end. */
  readonly maxRunS: number;
  /** Inputs that nothing makes yet. */
  readonly unmade: readonly string[];
  /** Whether a key that is named at the command line counts, beside those of the project. */
  readonly takesAnyRunner: boolean;
}

const deliverables = ['an SBOM', 'a signed manifest of packages', 'a report of npm audit'];

const hourS = 3600;
const ofLab = (name: string, promises: Gate['promises'], alone: readonly string[], maxRunS = hourS): Gate => ({
  ...{ name, promises, alone, maxRunS, unmade: [] },
  tiers: ['lab', 'openwrt'],
  takesAnyRunner: true,
});

export const gates: readonly Gate[] = [
  ofLab('dataplane', dataplane, timed),
  ofLab('membership', membership, timed),
  ofLab('leak', leak, timed),
  ofLab('performance', performance, Object.keys(performance), 2 * hourS),
  ofLab('soak', soak, Object.keys(soak), 25 * hourS),
  {
    name: 'release',
    tiers: ['openwrt'],
    promises: { ...dataplane, ...membership, ...leak, ...performance, ...longSoak },
    alone: [...timed, ...Object.keys({ ...performance, ...longSoak })],
    maxRunS: 25 * hourS,
    unmade: deliverables,
    takesAnyRunner: false,
  },
];
