// The translations: the template has each text of the pages and nothing else; German is whole, and fits what is put in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { answer, resources, showView, sources } from './page.ts';

const app = join(resources, '../../..');
const read = (path: string): string => readFileSync(join(app, path), 'utf8');
const unquoted = (text: string): string => JSON.parse(text) as string;

/** One line each, as ours have them. */
function entries(path: string): Map<string, string> {
  const found = read(path).matchAll(/^msgid (".+")\nmsgstr (".*")$/gm);
  return new Map([...found].map(([, id = '""', text = '""']) => [unquoted(id), unquoted(text)]));
}

function wanted(): Set<string> {
  const texts = Object.values(sources()).flatMap((source) => [...source.matchAll(/(?<!\w)_\('((?:[^'\\]|\\.)*)'\)/g)]);
  const menu = JSON.parse(read('root/usr/share/luci/menu.d/luci-app-rustynet.json')) as Record<
    string,
    { title: string }
  >;
  const acl = JSON.parse(read('root/usr/share/rpcd/acl.d/luci-app-rustynet.json')) as Record<
    string,
    { description: string }
  >;
  const others = [
    ...Object.values(menu).map(({ title }) => title),
    ...Object.values(acl).map(({ description }) => description),
  ];
  return new Set([...texts.map(([, text = '']) => text), ...others]);
}

const german = entries('po/de/rustynet.po');
const holes = (text: string): string[] => text.match(/%[sd]/g) ?? [];

test('each text is one literal, which tools can find', () => {
  for (const [path, source] of Object.entries(sources())) {
    const calls = source.match(/(?<!\w)_\(/g) ?? [];
    expect(calls.length, path).toBe([...source.matchAll(/(?<!\w)_\('((?:[^'\\]|\\.)*)'\)/g)].length);
  }
});

test('the template and German have what the pages say, no more and no less', () => {
  expect(new Set(entries('po/templates/rustynet.pot').keys())).toEqual(wanted());
  expect(new Set(german.keys())).toEqual(wanted());
});

test.each([...german])('%s', (message, translation) => {
  expect(translation).not.toBe('');
  expect(holes(translation)).toEqual(holes(message));
});

test('a page in German is German', async () => {
  const shown = await showView(
    'view.rustynet.overview',
    { status: answer({ state: 'unsafe' }) },
    Object.fromEntries(german),
  );
  expect(shown.html()).toContain('Unsicher: Der Schutz ließ sich nicht beweisen');
  expect(shown.html()).not.toMatch(/>unknown</);
  shown.dispose();
});
