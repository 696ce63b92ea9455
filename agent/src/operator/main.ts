/** The entry of `rustynet-operator`: joins the tool with the process it runs in. */
import { constants } from 'node:os';
import { run } from './run.ts';
import { askSecret, confirm, type Terminal } from './terminal.ts';

const terminal: Terminal = { input: process.stdin, output: process.stderr };

const ending = ['SIGINT', 'SIGTERM'] as const;
// Heard between two turns of the loop; files that belong together are written within one.
for (const signal of ending) {
  process.once(signal, () => {
    if (process.stderr.isTTY) process.stderr.write('\n');
    process.exit(128 + constants.signals[signal]);
  });
}

function stop(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ending) process.removeAllListeners(signal).once(signal, () => asked.abort());
  return asked.signal;
}

void run(process.argv.slice(2), {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
  nowUnixS: () => Math.floor(Date.now() / 1000),
  confirm: (question) => confirm(terminal, question),
  askSecret: (question) => askSecret(terminal, question),
  stop,
}).then((exitCode) => {
  process.exitCode = exitCode;
});
