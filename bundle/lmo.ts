/**
 * A translation as LuCI reads it. In: gettext's .po, each text one line, one plural form. Out: the .lmo that po2lmo makes
 * of it: texts, then an index sorted by the hash of what is translated, then the offset of the index, all big-endian.
 * Specified by LuCI's lib/lmo.h; the hash is Paul Hsieh's SuperFastHash, begun with the length.
 */
const signed8 = (byte: number): number => (byte << 24) >> 24;

function superFastHash(data: Uint8Array): number {
  const view = Buffer.from(data);
  let hash = view.length >>> 0;
  let at = 0;
  for (; view.length - at >= 4; at += 4) {
    hash = (hash + view.readUInt16LE(at)) >>> 0;
    const mixed = (view.readUInt16LE(at + 2) << 11) ^ hash;
    hash = ((hash << 16) ^ mixed) >>> 0;
    hash = (hash + (hash >>> 11)) >>> 0;
  }
  return avalanche(lastBytes(hash, view.subarray(at)));
}

function lastBytes(before: number, rest: Buffer): number {
  let hash = before;
  if (rest.length === 3) {
    hash = (hash + rest.readUInt16LE(0)) >>> 0;
    hash ^= hash << 16;
    hash = (hash ^ (signed8(rest.readUInt8(2)) << 18)) >>> 0;
    return (hash + (hash >>> 11)) >>> 0;
  }
  if (rest.length === 2) {
    hash = (hash + rest.readUInt16LE(0)) >>> 0;
    hash = (hash ^ (hash << 11)) >>> 0;
    return (hash + (hash >>> 17)) >>> 0;
  }
  if (rest.length === 0) return hash;
  hash = (hash + signed8(rest.readUInt8(0))) >>> 0;
  hash = (hash ^ (hash << 10)) >>> 0;
  return (hash + (hash >>> 1)) >>> 0;
}

function avalanche(before: number): number {
  let hash = before;
  for (const [left, right] of [
    [3, 5],
    [4, 17],
    [25, 6],
  ] as const) {
    hash = (hash ^ (hash << left)) >>> 0;
    hash = (hash + (hash >>> right)) >>> 0;
  }
  return hash;
}

interface Entry {
  readonly keyId: number;
  /** po2lmo writes the number of plural forms here. */
  readonly valueId: number;
  readonly text: Buffer;
}

/** po2lmo takes the backslash away from quotes and from itself, and leaves `\n` as it is written. */
const unescaped = (text: string): string => text.replaceAll(/\\(["\\])/g, '$1');

function entriesOf(po: string): readonly Entry[] {
  const plural = /^"Plural-Forms: (.*)\\n"$/m.exec(po)?.[1];
  const header = plural === undefined ? [] : [{ keyId: 0, valueId: 0, text: Buffer.from(plural) }];
  const messages = [...po.matchAll(/^msgid "(.+)"\nmsgstr "(.+)"$/gm)].map(([, id = '', text = '']) => ({
    keyId: superFastHash(Buffer.from(unescaped(id))),
    text: Buffer.from(unescaped(text)),
  }));
  const translated = messages.filter(({ keyId, text }) => keyId !== superFastHash(text));
  return [...header, ...translated.map((each) => ({ ...each, valueId: 1 }))];
}

/** Throws for a .po that has more than this knows: a context, or plural forms. */
export function lmoOf(po: string): Buffer {
  const other = /^(msgctxt|msgid_plural|msgstr\[).*/m.exec(po)?.[0];
  if (other !== undefined) throw new Error(`po: wanted msgid and msgstr alone, got ${other}`);
  let offset = 0;
  const texts: Buffer[] = [];
  const index: { readonly keyId: number; readonly bytes: Buffer }[] = [];
  for (const { keyId, valueId, text } of entriesOf(po)) {
    const bytes = Buffer.alloc(16);
    [keyId, valueId, offset, text.length].forEach((value, at) => bytes.writeUInt32BE(value, at * 4));
    index.push({ keyId, bytes });
    texts.push(text, Buffer.alloc((4 - (text.length % 4)) % 4));
    offset += Math.ceil(text.length / 4) * 4;
  }
  const end = Buffer.alloc(4);
  end.writeUInt32BE(offset);
  const sorted = index.toSorted((a, b) => a.keyId - b.keyId).map(({ bytes }) => bytes);
  return Buffer.concat([...texts, ...sorted, end]);
}
