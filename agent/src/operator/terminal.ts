/**
 * Questions on a terminal. In: a question and the streams of the process. Out: a yes, or a secret that was not echoed.
 * Questions go to stderr: stdout is for answers.
 */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { exitInterrupted, fail, Refused } from './refused.ts';

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

function ask({ input, output }: Terminal, question: string, echo: boolean): Promise<string> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  // In raw mode, which `terminal` sets, the terminal echoes nothing by itself.
  const lines = createInterface({ input, output: echo ? output : silence, terminal: !echo });
  // Not before raw mode is on: whoever types at once would see the secret.
  output.write(question);
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      lines.removeAllListeners('close').close();
      if (!echo) output.write('\n');
      resolve(line);
    });
    const end = (refused: Refused): void => {
      lines.removeAllListeners('close').close();
      output.write('\n');
      reject(refused);
    };
    // In raw mode Ctrl-C is a character, and no signal to the process.
    lines.once('SIGINT', () => end(new Refused('no-answer', 'wanted an answer, got Ctrl-C', exitInterrupted)));
    lines.once('close', () => end(new Refused('no-answer', 'wanted an answer, got the end of the input')));
  });
}

export async function askSecret(terminal: Terminal, question: string): Promise<string> {
  if (terminal.input.isTTY !== true) {
    fail('no-terminal', 'wanted $RUSTYNET_PASSPHRASE, --passphrase-file or a terminal to ask on, got none of them');
  }
  return ask(terminal, question, false);
}

/** Only a y or a yes is one. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  if (terminal.input.isTTY !== true) fail('no-terminal', 'wanted --yes or a terminal to ask on, got neither');
  return /^y(es)?$/i.test((await ask(terminal, `${question} [y/N] `, true)).trim());
}
