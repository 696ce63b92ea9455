/** What a person sees: once or again and again, in colour or not. */
import { expect, test } from 'vitest';
import { coloured, watch, type Said, type Screen } from '../../src/watch.ts';

const screenOf = (isTerminal: boolean, hasColour = isTerminal): Screen & { readonly written: string[] } => {
  const written: string[] = [];
  return { isTerminal, hasColour, written, write: (text) => void written.push(text) };
};

/** Answers one after the other, until there is none. */
async function watched(answers: readonly string[], screen: Screen): Promise<void> {
  const left = [...answers];
  const ask = (): Promise<Said> => {
    const text = left.shift();
    return text === undefined
      ? Promise.reject(new Error('no more'))
      : Promise.resolve({ text, status: 0, isError: false });
  };
  await expect(watch(ask, screen, () => Promise.resolve())).rejects.toThrow('no more');
}

test('a screen is drawn anew from its corner; no line of before is left', async () => {
  const screen = screenOf(true, false);
  await watched(['one\ntwo\n', 'three\n'], screen);
  expect(screen.written).toEqual(['\x1b[Hone\x1b[K\ntwo\x1b[K\n\x1b[K\x1b[J', '\x1b[Hthree\x1b[K\n\x1b[K\x1b[J']);
});

test('a file gets what changed, and no escape', async () => {
  const screen = screenOf(false);
  await watched(['state       enforced\n', 'state       enforced\n', 'state       closed\n'], screen);
  expect(screen.written).toEqual(['state       enforced\n', 'state       closed\n']);
});

test.each([
  ['state       enforced', 'state       \x1b[32menforced\x1b[0m'],
  ['state       closed: no broker', 'state       \x1b[31mclosed:\x1b[0m no broker'],
  ['FAIL the clock', '\x1b[31mFAIL\x1b[0m the clock'],
  ['ok   the clock', '\x1b[32mok\x1b[0m   the clock'],
  ['warning     no broker', '\x1b[33mwarning\x1b[0m     no broker'],
  ['okay is a name', 'okay is a name'],
  ['peers', 'peers'],
])('colour: %s', (line, shown) => {
  expect(coloured(`${line}\n`, screenOf(true))).toBe(`${shown}\n`);
  expect(coloured(`${line}\n`, screenOf(true, false))).toBe(`${line}\n`);
});
