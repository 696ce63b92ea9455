/** How long maps and roots hold. In: options of the command line. Out: seconds within the bounds, or misuse. */
import { maxMapLifetimeS, minMapLifetimeS } from '../trust/limits.ts';
import type { Given, Option } from './args.ts';
import { parseDurationS } from './times.ts';

const dayS = 86_400;
export const defaultMapLifetimeS = 14 * dayS;
export const defaultRootLifetimeS = 365 * dayS;
const minRootLifetimeS = dayS;
export const maxRootLifetimeS = 3650 * dayS;

export function mapLifetimeOption(otherwise: string): Option {
  return { value: 'TIME', help: `how long a signed map holds: 1h to 90d (default: ${otherwise})` };
}
export function rootLifetimeOption(otherwise: string): Option {
  return { value: 'TIME', help: `how long the root holds, from now on: 1d to 3650d (default: ${otherwise})` };
}

function lifetimeS(given: Given, name: string, minS: number, maxS: number): number | undefined {
  const wanted = `a time from ${minS / 3600}h to ${maxS / dayS}d, as 14d, 12h or 90m,`;
  return given.parsed(name, wanted, (text) => {
    const durationS = parseDurationS(text);
    return durationS !== undefined && durationS >= minS && durationS <= maxS ? durationS : undefined;
  });
}

/** `--lifetime` */
export function mapLifetimeS(given: Given): number | undefined {
  return lifetimeS(given, 'lifetime', minMapLifetimeS, maxMapLifetimeS);
}

/** `--root-lifetime` */
export function rootLifetimeS(given: Given): number | undefined {
  return lifetimeS(given, 'root-lifetime', minRootLifetimeS, maxRootLifetimeS);
}
