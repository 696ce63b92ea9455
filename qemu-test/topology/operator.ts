// The operator's tool of a lab, twice: as a person starts it, and the same code in this process, which costs a lab that
// edits its map fifty times no start of Node. In: the network's folder, arguments. Out: what the tool printed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { run } from '../../agent/src/operator/run.ts';
import { operatorBundle } from '../../bundle/build.ts';

const execFileAsync = promisify(execFile);
const env = { ...process.env, RUSTYNET_PASSPHRASE: 'a passphrase of the lab' };

export type Operator = (folder: string, argv: readonly string[]) => Promise<string>;

export const bundledOperator: Operator = async (folder, argv) => {
  const { stdout } = await execFileAsync(process.execPath, [operatorBundle, ...argv, '--network', folder], { env });
  return stdout;
};

const nobody = (question: string): never => {
  throw new Error(`operator: wanted no question, got ${question}`);
};

export const operatorInProcess: Operator = async (folder, argv) => {
  const said = { out: '', err: '' };
  const status = await run([...argv, '--network', folder], {
    stdout: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
    env,
    nowUnixS: () => Math.floor(Date.now() / 1000),
    confirm: nobody,
    askSecret: nobody,
  });
  if (status === 0) return said.out;
  throw new Error(`operator ${argv.join(' ')}: wanted status 0, got ${status}\n${said.out}${said.err}`);
};
