/** The entry of `rustynet-operator`: joins the tool with the process it runs in. */
import { run } from './run.ts';
import { askSecret, confirm, type Terminal } from './terminal.ts';

const terminal: Terminal = { input: process.stdin, output: process.stderr };

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

void run(process.argv.slice(2), {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
  nowUnixS: () => Math.floor(Date.now() / 1000),
  confirm: (question) => confirm(terminal, question),
  askSecret: (question) => askSecret(terminal, question),
  stop: stop.signal,
}).then((exitCode) => {
  process.exitCode = exitCode;
});
