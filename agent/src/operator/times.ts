/** Times as people write and read them. In: `14d`, or Unix seconds. Out: seconds, or text in UTC. */

const units: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 };

/** `14d`, `12h`, `90m` or `3600s`; `undefined` for anything else. */
export function parseDurationS(text: string): number | undefined {
  const [, count = '', unit = ''] = /^([1-9][0-9]{0,8})([dhms])$/.exec(text) ?? [];
  const unitS = units[unit];
  return unitS === undefined ? undefined : Number(count) * unitS;
}

/** The largest units that are not zero, two if not said: `13d 2h`. */
export function formatDuration(durationS: number, most = 2): string {
  const parts: string[] = [];
  let left = Math.abs(durationS);
  for (const [unit, unitS] of Object.entries(units)) {
    const count = Math.floor(left / unitS);
    left -= count * unitS;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.length === 0 ? '0s' : parts.slice(0, most).join(' ');
}

/** `2027-01-15 08:00:00 UTC`. */
export function formatTime(unixS: number): string {
  return new Date(unixS * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC');
}

/** How long something still holds, in words. */
export function left(expiresUnixS: number, nowUnixS: number): string {
  const span = formatDuration(expiresUnixS - nowUnixS);
  return expiresUnixS > nowUnixS ? `in ${span}` : `${span} ago`;
}

/** Whether three quarters of a lifetime are over (design section 4). */
export function isLate(fromUnixS: number, untilUnixS: number, nowUnixS: number): boolean {
  return nowUnixS >= fromUnixS + 0.75 * (untilUnixS - fromUnixS);
}
