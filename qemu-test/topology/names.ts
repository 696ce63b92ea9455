// What a resolver says of a name, asked from a router or from the host behind it. In: a guest's command prefix, a server,
// questions. Out: for each question its records, sorted, or the error's code (NXDOMAIN is ENOTFOUND of Node's resolver).
import type { Router } from './router.ts';

export type RecordType = 'A' | 'AAAA' | 'PTR';
export type Question = readonly [name: string, type: RecordType];

const script = `
const { Resolver } = require('node:dns').promises;
const [server, ...questions] = process.argv.slice(1);
const resolver = new Resolver({ timeout: 2000, tries: 2 });
resolver.setServers([server]);
const ask = (text) => {
  const [name, type] = text.split(' ');
  const asked = type === 'PTR' ? resolver.reverse(name) : resolver.resolve(name, type);
  return asked.then((records) => records.sort().join(), (error) => error.code);
};
Promise.all(questions.map(ask)).then((answers) => console.log(JSON.stringify(answers)));
`;

async function ask(router: Router, prefix: string, server: string, questions: readonly Question[]): Promise<string[]> {
  const words = questions.map(([name, type]) => `'${name} ${type}'`).join(' ');
  const reply = await router.guest.run(`${prefix} node -e "$(cat)" ${server} ${words}`, { input: script });
  return JSON.parse(reply) as string[];
}

export function askOnRouter(router: Router, ...questions: Question[]): Promise<string[]> {
  return ask(router, '', '127.0.0.1', questions);
}

export function askOnHost(router: Router, ...questions: Question[]): Promise<string[]> {
  return ask(router, 'ip netns exec host', `192.168.${router.index}.1`, questions);
}

/** Addresses of the mesh, IPv4 and IPv6. */
export async function meshAddresses(router: Router): Promise<{ v4: string; v6: string }> {
  const text = await router.guest.run('ip -o addr show dev rn0 scope global');
  const [, v4 = ''] = /inet (\S+?)\/32/.exec(text) ?? [];
  const [, v6 = ''] = /inet6 (\S+?)\/128/.exec(text) ?? [];
  return { v4, v6 };
}

/** The process of dnsmasq; another number is a restart. */
export async function dnsmasqPid(router: Router): Promise<string> {
  return (await router.guest.run('cat /var/run/dnsmasq/dnsmasq.*.pid')).trim();
}
