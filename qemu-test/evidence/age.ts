// How old evidence may be. In: when what it is of ended, and the time of the gate. Out: findings.
import type { Report } from './findings.ts';

const maxAgeS = 24 * 3600;
const skewS = 120;

export function judgeAge(endUnixS: number, nowUnixS: number, report: Report): void {
  if (endUnixS > nowUnixS + skewS) report('not-yet', `wanted an end before ${nowUnixS}, got ${endUnixS}`);
  if (nowUnixS - endUnixS > maxAgeS) {
    report('stale', `wanted an end in the last ${maxAgeS} s, got one ${nowUnixS - endUnixS} s ago`);
  }
}
