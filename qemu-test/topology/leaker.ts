// Runs in a guest: sends everything that would leak, four times a second, from where it stands; what fails is tried again.
// In: the resolver that this host would ask by itself, then a web server and a resolver, IPv4 and IPv6 each. Out: packets
// from new sockets each time, since a flow that is known already may be judged otherwise.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const [ownResolver = '', web = '', web6 = '', resolver = '', resolver6 = ''] = process.argv.slice(2);
const everyMs = 250;
/** RFC 1035: public.example, A, IN. */
const question = Buffer.from('\0\x01\x01\0\0\x01\0\0\0\0\0\0\x06public\x07example\0\0\x01\0\x01', 'latin1');

function ask(address: string): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => undefined);
  socket.send(question, 53, address, () => setTimeout(() => socket.close(), 1000));
}

function open(host: string, port: number): void {
  const socket = connect({ host, port, timeout: 1000 });
  for (const event of ['connect', 'timeout', 'error']) socket.on(event, () => socket.destroy());
}

function ping(address: string): void {
  const family = address.includes(':') ? '-6' : '-4';
  const child = spawn('ping', [family, '-q', '-c', '10', '-i', '0.5', '-W', '1', address], { stdio: 'ignore' });
  child.on('close', () => setTimeout(ping, 1000, address));
}

for (const address of [web, web6]) ping(address);
setInterval(() => {
  for (const address of [ownResolver, resolver, resolver6]) ask(address);
  for (const address of [web, web6]) open(address, 80);
  open(resolver, 853);
}, everyMs);
