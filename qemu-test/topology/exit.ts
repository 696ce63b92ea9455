// A mesh in which r1 sends its internet through r2. In: what the exit rule lets pass. Out: r1 protected, and the first
// answer of the public web seen through r2.
import { record } from '../evidence/recorder.ts';
import { internet } from './internet.ts';
import { openRules, type Mesh } from './mesh.ts';
import { formMesh } from './saved.ts';
import { wanAddress, type Router } from './router.ts';

/** The map gives a member the role: it is entered again with its own keys. */
export async function grantExitRole(mesh: Mesh, name: string): Promise<void> {
  const router = mesh.router(name);
  const status = await router.status();
  const keys = ['--identity', String(status['identity_key']), '--wireguard', String(status['wireguard_key'])];
  const own = ['--subnet', `192.168.${router.index}.0/24`, '--endpoint', `${wanAddress(router.index)}:51820`];
  await mesh.operator('member', 'remove', name);
  await mesh.operator('member', 'add', name, ...keys, ...own, '--role', 'exit');
}

export async function formExit(protocols: readonly string[] = ['any']): Promise<Mesh> {
  const mesh = await formMesh({ routers: ['r1', 'r2'] });
  await grantExitRole(mesh, 'r2');
  const exits = [{ from: ['member:r1'], via: ['member:r2'], protocols }];
  await mesh.setPolicy(openRules(mesh.routers.values()), exits);
  const epoch = await mesh.release();
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', epoch)));
  await r2.guest.run('rustynet exit offer on');
  await r1.guest.run('rustynet exit r2');
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', epoch)));
  return mesh;
}

/** Whether the LAN host gets the start of a page; `address` in brackets for IPv6. */
export async function fetches(router: Router, address: string): Promise<boolean> {
  const command = `ip netns exec host timeout 6 wget -q -O - http://${address}/1mb | head -c 1000 | wc -c`;
  const bytes = Number((await router.guest.exec(command)).stdout.trim());
  record({ kind: 'fetch', from: router.hostName, to: address, bytes });
  return bytes === 1000;
}

/** What a person would look at where an exit does not carry. */
async function lookAt({ name, guest }: Router): Promise<string> {
  const commands = [
    'rustynet status',
    'wg show rn0',
    'ip rule',
    'ip route show table all | grep -v "^\\(local\\|broadcast\\|ff00\\|multicast\\)"',
    'nft list set inet rustynet lease',
    'tail -n 20 /var/log/standin.log',
  ];
  return `${name}:\n${await guest.run(`(${commands.join('; ')}; true) 2>&1`, { timeoutMs: 60_000 })}`;
}

/** Waits until the LAN host of the first gets a page by the way of the second; what is broken by hand may take a minute. */
export async function carriesAgain(mesh: Mesh, timeoutMs = 120_000): Promise<void> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const end = Date.now() + timeoutMs;
  while (!(await fetches(r1, web))) {
    if (Date.now() < end) continue;
    const seen = await Promise.all([r1, r2].map((router) => lookAt(router)));
    throw new Error(`wanted a page of ${web} through r2 within ${timeoutMs} ms, got none\n${seen.join('\n')}`);
  }
}

/** The whole file, as `wc` counts it. */
export async function fetchedBytes(router: Router, address: string): Promise<number> {
  const command = `ip netns exec host timeout 30 wget -q -O - http://${address}/1mb | wc -c`;
  const bytes = Number((await router.guest.exec(command, { timeoutMs: 60_000 })).stdout.trim());
  record({ kind: 'fetch', from: router.hostName, to: address, bytes });
  return bytes;
}

export const web = internet.web;
export const web6 = `[${internet.web6}]`;
