/**
 * LuCI's texts. In: a message, values. Out: the message in the page's language, with the values put in (`%s`, `%d`,
 * `%.2f`, `%%`). Seen in LuCI's cbi.js; what our views do not use is left out.
 */
const translations = new Map<string, string>();

export function translate(table: Readonly<Record<string, string>>): void {
  for (const [message, translation] of Object.entries(table)) translations.set(message, translation);
}

export function _(message: string): string {
  return translations.get(message) ?? message;
}

export function format(this: string, ...values: readonly unknown[]): string {
  let at = 0;
  return this.replaceAll(/%(?:\.(\d+))?([%sdf])/g, (whole, digits: string | undefined, kind: string) => {
    if (kind === '%') return '%';
    if (at >= values.length) return whole;
    const value = values[at++];
    if (kind === 's') return String(value);
    return kind === 'd' ? Math.floor(Number(value) || 0).toFixed(0) : (Number(value) || 0).toFixed(Number(digits ?? 6));
  });
}
