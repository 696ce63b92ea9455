/** Translations, byte for byte as LuCI's po2lmo made them. */
import { expect, test } from 'vitest';
import { lmoOf } from './lmo.ts';

const po = `msgid ""
msgstr ""
"Language: de\\n"
"Plural-Forms: nplurals=2; plural=n != 1;\\n"

${[
  ['a', 'ä'],
  ['ab', 'zwei'],
  ['abc', 'drei!'],
  ['abcd', 'vier \\"Zeichen\\" und ein \\\\'],
  ['größer', 'larger'],
  ['grö', 'gro'],
  ['same', 'same'],
  ['empty', ''],
]
  .map(([id, text]) => `msgid "${id}"\nmsgstr "${text}"\n`)
  .join('\n')}
`;

/** By po2lmo of luci-base, of the text above. */
const made =
  'bnBsdXJhbHM9MjsgcGx1cmFsPW4gIT0gMTsAAMOkAAB6d2VpZHJlaSEAAAB2aWVyICJaZWljaGVuIiB1bmQgZWluIFxsYXJnZXIAAGdybwAAAAAAAAAA' +
  'AAAAAAAAAAAaEV6nggAAAAEAAAAcAAAAAlFri0QAAAABAAAAIAAAAARwWI8OAAAAAQAAAEQAAAAG0r4ZigAAAAEAAAAkAAAABdrYuNsAAAABAAAALAAA' +
  'ABjtlpbSAAAAAQAAAEwAAAADAAAAUA==';

test('texts, hashes of every length, names beyond ASCII; what is the same in both or empty is left out', () => {
  expect(lmoOf(po).toString('base64')).toBe(made);
});

test.each(['msgctxt "menu"', 'msgid_plural "days"', 'msgstr[0] "Tag"'])('a .po with %s is refused', (line) => {
  expect(() => lmoOf(`${po}${line}\n`)).toThrow(`po: wanted msgid and msgstr alone, got ${line}`);
});
