// The gates by name: the tier that each needs, and the promises that each wants to see.
import type { Tier } from '../image/build.ts';
import { guestless } from '../guestless.ts';
import { timed } from '../timed.ts';
import { dataplane } from './gates/dataplane.ts';
import { leak } from './gates/leak.ts';
import { membership } from './gates/membership.ts';
import { performance } from './gates/performance.ts';
import { rules } from './gates/rules.ts';
import { longSoak, soak } from './gates/soak.ts';
import type { Wants } from './wants.ts';

export interface Gate {
  readonly name: string;
  readonly tiers: readonly Tier[];
  readonly promises: Readonly<Record<string, Wants>>;
  /** Of these promises, those that no other may run beside. */
  readonly alone: readonly string[];
  /** Of these promises, those without a guest: they must be of tier `unit`, whatever tier is asked for. */
  readonly unit: readonly string[];
  /** From the beginning of one to its end. */
  readonly maxRunS: number;
  /** What is handed out is judged with the evidence, and no key counts but those of the project. */
  readonly isRelease: boolean;
}

const hourS = 3600;
const ofLab = (name: string, promises: Gate['promises'], alone: readonly string[], maxRunS = hourS): Gate => ({
  ...{ name, promises, alone, maxRunS },
  tiers: ['lab', 'openwrt'],
  unit: guestless,
  isRelease: false,
});

export const gates: readonly Gate[] = [
  ofLab('dataplane', dataplane, timed),
  ofLab('membership', membership, timed),
  ofLab('leak', { ...leak, ...rules }, timed),
  ofLab('performance', performance, Object.keys(performance), 3 * hourS),
  ofLab('soak', soak, Object.keys(soak), 25 * hourS),
  {
    name: 'release',
    tiers: ['openwrt'],
    promises: { ...dataplane, ...membership, ...leak, ...rules, ...performance, ...longSoak },
    unit: guestless,
    alone: [...timed, ...Object.keys({ ...performance, ...longSoak })],
    maxRunS: 25 * hourS,
    isRelease: true,
  },
];
