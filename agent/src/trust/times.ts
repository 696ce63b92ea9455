/** Times and spans as people read them. In: Unix seconds, seconds. Out: RFC 3339 in UTC; the largest unit of which there are two. */
export function time(unixS: unknown): string {
  if (typeof unixS !== 'number' || unixS <= 0) return 'never';
  // Later ones are no Date (ECMA-262, time values).
  return unixS < 8.64e12 ? new Date(unixS * 1000).toISOString().replace('.000Z', 'Z') : String(unixS);
}

export function duration(seconds: number): string {
  const units = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ] as const;
  const [size, unit] = units.find(([each]) => Math.abs(seconds) >= each * 2) ?? [1, 's'];
  return `${Math.round(seconds / size)} ${unit}`;
}
