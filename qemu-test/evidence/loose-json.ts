// JSON that others write in their own form: npm, CycloneDX. In: text. Out: values of which nothing is known until it is
// looked at, so that a forged null, list or prototype is an absence and no fault of the reader.
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`wanted JSON, got ${JSON.stringify(text.slice(-40))} at the end of ${text.length} characters`);
  }
}

export function recordIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `undefined` where a step has no such key of its own. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((inside, key) => {
    const record = recordIn(inside);
    return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
  }, value);
}
