// `npm run demo [-- --keep]`: a network of two routers, from nothing to a ping through the kernel's tunnel, and what a
// change of policy does to it. In: nothing. Out: a story on the terminal, exit status 0 if all of it came true.
import { createInterface } from 'node:readline/promises';
import type { JsonObject } from '../agent/src/control/ports.ts';
import { admitAll, bootMesh, type Mesh } from './topology/mesh.ts';
import { bundledOperator } from './topology/operator.ts';
import { epochOf, type Router } from './topology/router.ts';

const names = ['r1', 'r2'] as const;
const startMs = performance.now();

function say(line: string): void {
  console.log(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

function row(cells: readonly string[]): string {
  return `          ${cells.map((cell, at) => cell.padEnd([6, 10, 7, 7, 24][at] ?? 0)).join(' ')}`.trimEnd();
}

function stateRow(router: Router, status: JsonObject): string {
  const lease = Number(status['lease_s']);
  const cells = [router.name, String(status['state']), String(epochOf(status)), String(status['peers'])];
  return row([...cells, lease > 0 ? `open for ${lease} s` : 'closed']);
}

async function showStates(mesh: Mesh): Promise<void> {
  console.log(row(['router', 'state', 'epoch', 'peers', 'lease']));
  for (const router of mesh.routers.values()) console.log(stateRow(router, await router.status()));
}

/** The states while the network forms, a line for each change. */
function watchStates(mesh: Mesh): () => void {
  const said = new Map<string, string>();
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      for (const router of mesh.routers.values()) {
        const reply = await router.guest.exec('ubus call rustynet status').catch(() => undefined);
        if (reply?.status !== 0) continue;
        const status = JSON.parse(reply.stdout) as JsonObject;
        const line = `${router.name}: ${String(status['state'])} (${String(status['why'])})`;
        if (said.get(router.name) !== line) say(line);
        said.set(router.name, line);
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  };
  void look();
  return () => {
    isOver = true;
  };
}

async function ping(from: Router, to: Router, wanted: boolean): Promise<void> {
  const { sent, received } = await from.hostPings(to.hostAddress, 5);
  say(`ping from the host behind ${from.name} to the host behind ${to.name}: ${received} of ${sent} answered`);
  if (received > 0 !== wanted)
    throw new Error(`wanted ${wanted ? 'answers' : 'no answer'}, got ${received} of ${sent}`);
}

async function story(mesh: Mesh): Promise<void> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await showStates(mesh);
  await ping(r1, r2, true);
  console.log((await r1.guest.run('rustynet peers')).replace(/^/gm, '          ').trimEnd());
  say('the operator grants only one direction now: from r1 to the LAN of r2');
  await mesh.setPolicy([{ from: ['member:r1'], to: ['192.168.2.0/24'], protocols: ['icmp'] }]);
  const epoch = await mesh.release();
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', epoch)));
  await showStates(mesh);
  await ping(r1, r2, true);
  await ping(r2, r1, false);
}

async function prompt(mesh: Mesh): Promise<void> {
  console.log(`\nThe network runs on. A line is "<router> <command>", as root on ${names.join(' or ')}:`);
  console.log('  r1 rustynet status      r2 wg show      r1 ip netns exec host ping -c 3 192.168.2.2      quit');
  console.log(`The operator's folder: ${mesh.folder}/network`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: 'lab> ' });
  terminal.prompt();
  for await (const line of terminal) {
    const [, name = '', command = ''] = /^\s*(\S+)\s*(.*)$/.exec(line) ?? [];
    if (name === 'quit') break;
    const router = mesh.routers.get(name);
    if (router === undefined) console.log(`wanted ${names.join(', ')} or quit, got "${name}"`);
    else {
      const { status, stdout, stderr } = await router.guest.exec(command).catch((error: unknown) => ({
        status: -1,
        stdout: '',
        stderr: String(error),
      }));
      process.stdout.write(stdout + stderr + (status === 0 ? '' : `status ${status}\n`));
    }
    terminal.prompt();
  }
  terminal.close();
}

async function main(argv: readonly string[]): Promise<void> {
  const unknown = argv.find((argument) => argument !== '--keep');
  if (unknown !== undefined) throw new Error(`wanted --keep or nothing, got ${unknown}`);
  const mesh = await bootMesh({ routers: names, operator: bundledOperator }, say);
  const stopWatching = watchStates(mesh);
  await admitAll(mesh, say);
  stopWatching();
  try {
    await story(mesh);
    say('the demo came true');
    if (argv.includes('--keep')) await prompt(mesh);
    else console.log('\nTo look around in the routers: npm run demo -- --keep. To run every promise: npm test.');
  } finally {
    await mesh.stop();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
