/**
 * A process inside a namespace that answers on some addresses, and that sends what it is told to. An answer is the source
 * address that the other side saw, so one look says whether a packet passed and behind which address it was hidden. UDP
 * that was heard and never answered is told too: a way that is open in one direction only is open.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Namespace } from './netns.ts';

export interface Probe {
  readonly protocol: 'tcp' | 'udp';
  readonly to: string;
  readonly port: number;
  readonly from?: string;
  readonly sport?: number;
  /** What the packets say; nobody else's do. */
  readonly token: string;
  /** The source that must be seen, or `none`: how long to wait depends on it, nothing else. */
  readonly wanted: string;
}
export interface Answers {
  /** The source that was seen, or `none`, for each probe. */
  readonly seen: readonly string[];
  /** By token, what was heard here since the last time. */
  readonly heard: Readonly<Record<string, string>>;
}
export interface Prober {
  ask(probes: readonly Probe[]): Promise<Answers>;
  end(): Promise<void>;
}

/** Waits for all that should be answered, and a little longer for what should not be. */
const [patienceMs, afterwardsMs] = [2500, 250];
const ports = [22, 53, 67, 443, 547, 8883, 51820];

const program = `
const net = require('net'), dgram = require('dgram');
const plain = (text) => String(text).replace('::ffff:', '');
const kind = (address) => (address.includes(':') ? 'udp6' : 'udp4');
let starting = 0, heard = {};
const started = () => { starting -= 1; if (starting === 0) console.log('{}'); };
for (const address of process.argv.slice(1)) for (const port of [${ports.join()}]) {
  starting += 2;
  net.createServer((s) => { s.on('error', () => 0); s.end(plain(s.remoteAddress)); }).listen(port, address, started);
  const socket = dgram.createSocket({ type: kind(address), reuseAddr: true });
  socket.on('message', (token, from) => {
    heard[token] = from.address;
    socket.send(from.address, from.port, from.address, () => 0);
  });
  socket.bind(port, address, started);
}
const send = { tcp: ({ to, port, from }, answer) => {
  const socket = net.connect({ host: to, port, localAddress: from });
  socket.on('data', (data) => answer(String(data))).on('error', () => 0);
  return () => socket.destroy();
}, udp: ({ to, port, from, sport, token }, answer) => {
  const socket = dgram.createSocket({ type: kind(to), reuseAddr: true });
  let timer;
  socket.on('message', (data) => answer(String(data))).on('error', () => 0);
  // Connected: of two probes from one port, each hears its own answer.
  socket.bind(sport, from, () => socket.connect(port, to, (error) => {
    if (error) return;
    const again = () => socket.send(token, () => 0);
    timer = setInterval(again, 200);
    again();
  }));
  return () => { clearInterval(timer); socket.close(); };
} };
const ask = async (probes) => {
  const seen = probes.map(() => 'none');
  const ends = probes.map((probe, at) => send[probe.protocol](probe, (source) => { seen[at] = source; }));
  const pause = (ms) => new Promise((go) => setTimeout(go, ms));
  for (let ms = 0; ms < ${patienceMs} && probes.some((each, at) => each.wanted !== 'none' && seen[at] === 'none'); ms += 20)
    await pause(20);
  if (probes.length > 0) await pause(${afterwardsMs});
  for (const end of ends) end();
  console.log(JSON.stringify({ seen, heard }));
  heard = {};
};
require('readline').createInterface({ input: process.stdin }).on('line', (line) => ask(JSON.parse(line)))
  .on('close', () => process.exit(0));
if (starting === 0) console.log('{}');
`;

export async function startProber({ name }: Namespace, addresses: readonly string[]): Promise<Prober> {
  const child = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', program, ...addresses], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Answers> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`wanted an answer of the prober in ${name}, got its end`);
    return JSON.parse(value) as Answers;
  };
  await next();
  return {
    ask: (probes) => {
      child.stdin.write(`${JSON.stringify(probes)}\n`);
      return next();
    },
    end: () =>
      new Promise((resolve) => {
        child.on('close', () => resolve());
        child.stdin.end();
      }),
  };
}
