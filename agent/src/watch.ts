/**
 * How answers are shown: once, or again and again (`--watch`), with colour on a terminal that wants it. In: answers. Out:
 * bytes for a terminal or a file. Specified in ECMA-48 (ED, EL, CUP, SGR) and https://no-color.org.
 */
export interface Said {
  readonly text: string;
  readonly status: number;
  readonly isError: boolean;
}

export interface Screen {
  readonly isTerminal: boolean;
  readonly hasColour: boolean;
  write(text: string): void;
}

const [home, clearLine, clearBelow] = ['\x1b[H', '\x1b[K', '\x1b[J'];
const colours = { good: '\x1b[32m', bad: '\x1b[31m', doubtful: '\x1b[33m', plain: '\x1b[0m' };

function colouredLine(line: string): string {
  const found = /^(state +)(\S+)/.exec(line) ?? /^()(ok|FAIL|warning)(?= )/.exec(line);
  if (found === null) return line;
  const [whole, before = '', word = ''] = found;
  const colour =
    word === 'enforced' || word === 'ok' ? colours.good : word === 'warning' ? colours.doubtful : colours.bad;
  return `${before}${colour}${word}${colours.plain}${line.slice(whole.length)}`;
}

export function coloured(text: string, { hasColour }: Screen): string {
  return hasColour ? text.split('\n').map(colouredLine).join('\n') : text;
}

/** Asks for ever, until the process is ended; a screen is drawn anew, a file gets what changed. */
export async function watch(ask: () => Promise<Said>, screen: Screen, pause: () => Promise<unknown>): Promise<never> {
  for (let last: string | undefined; ; await pause()) {
    const { text } = await ask();
    const lines = coloured(text, screen).split('\n');
    if (screen.isTerminal) screen.write(`${home}${lines.map((line) => `${line}${clearLine}`).join('\n')}${clearBelow}`);
    else if (text !== last) screen.write(text);
    last = text;
  }
}
