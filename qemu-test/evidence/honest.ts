// For tests: a small gate, and a set of evidence that it opens for, made as the recorder makes one. In: nothing. Out: a
// draft that a forger can bend before or after it is signed.
import { generateKeyPairSync } from 'node:crypto';
import { pcapOf } from '../topology/witness.ts';
import type { Digest, IdentityKey } from '../../agent/src/trust/types.ts';
import type { EvidenceSet } from './believe.ts';
import type { Gate } from './gates.ts';
import type { AtHand } from './judge.ts';
import { signedBy, type RunnerKey } from './runner-key.ts';
import {
  encodeStatement,
  predicateType,
  statementType,
  type Predicate,
  type Sample,
  type Statement,
} from './statement.ts';
import { sha256Of } from './surroundings.ts';
import { eventually, fetches, flows, hostOf, isCutOff, lanOf, leaksNothing, reaches, sealedBy, sees } from './wants.ts';
import { signedName } from './write.ts';

export const nowUnixS = 1_800_000_000;
const web = '203.0.113.1';
export const commit = 'c0'.repeat(20);
const run = '0123456789abcdef'.repeat(2);

export function newRunner(): RunnerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { key: raw.toString('hex') as IdentityKey, secret: privateKey };
}

/** Ethernet and IPv4 around a body, from r1's WAN address. */
function frameOf(protocol: number, to: readonly number[], body: Buffer): Buffer {
  const ip = Buffer.from([0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0, 198, 51, 100, 11, ...to]);
  ip.writeUInt16BE(20 + body.length, 2);
  return Buffer.concat([Buffer.from('5254000000025254000000010800', 'hex'), ip, body]);
}
function sealedFrame(): Buffer {
  const udp = Buffer.alloc(8 + 96);
  for (const at of [0, 2]) udp.writeUInt16BE(51_820, at);
  udp.writeUInt16BE(udp.length, 4);
  udp.writeUInt8(4, 8);
  return frameOf(17, [198, 51, 100, 12], udp);
}
export const clearFrame = (): Buffer => frameOf(1, [203, 0, 113, 1], Buffer.alloc(16, 8));

/** A frame each 10 ms. */
export function captureOf(frames: readonly Buffer[], fromUnixS: number): Buffer {
  return pcapOf(frames.map((frame, at) => ({ frame, atMs: fromUnixS * 1000 + 10 * at - performance.timeOrigin })));
}
export const sealedFrames = (count: number): Buffer[] => Array.from({ length: count }, sealedFrame);

const answer = (sequence: number): string =>
  `[${nowUnixS}.5] 64 bytes from 192.168.2.2: icmp_seq=${sequence} ttl=62 time=1.2${sequence % 10} ms`;
export function logOf(sequences: readonly number[], transmitted: number): Buffer {
  const count = `${transmitted} packets transmitted, ${sequences.length} received`;
  return Buffer.from(`PING 192.168.2.2\n${sequences.map(answer).join('\n')}\n\n${count}\n`);
}
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

export const titles = ['members reach each other', 'a stranger does not', 'nothing leaks'] as const;

export const gate: Gate = {
  ...{
    name: 'dataplane',
    tiers: ['lab', 'openwrt'],
    maxRunS: 3600,
    alone: ['reach'],
    unit: [],
    isRelease: false,
  },
  promises: {
    reach: {
      [titles[0]]: [reaches(hostOf(1), lanOf(2), 10), flows(hostOf(1), lanOf(2), 300)],
      [titles[1]]: [isCutOff(hostOf(3), lanOf(1), 3)],
    },
    leak: {
      [titles[2]]: [
        eventually(fetches(hostOf(1), web, 1000)),
        leaksNothing('r1', 20),
        sees('packets of r1 before it was done', ({ packets, marks }) =>
          sealedBy(packets, 'r1').some(({ atMs }) => atMs < (marks.get('done') ?? 0)) ? undefined : 'none',
        ),
      ],
    },
  },
};

/** What JSON can say; the types of the statement would stop a forger. */
export type Draft = { -readonly [Key in keyof Statement]: Statement[Key] };

export interface World {
  gate: Gate;
  atHand: { -readonly [Key in keyof AtHand]: AtHand[Key] };
  readonly runner: RunnerKey;
  readonly reach: Draft;
  readonly leak: Draft;
  readonly attachments: Map<string, Uint8Array>;
  /** Of a file that is there; its digest. */
  attach(bytes: Uint8Array): Digest;
}

const images = ['rustynet.js', 'lab/kernel', 'lab/initrd', 'lab/squashfs'];
const digests = Object.fromEntries(images.map((name) => [name, sha256Of(name)]));

export function draft(promise: string, startUnixS: number, tests: Predicate['tests']): Draft {
  const machine = { cpu: 'a processor', cores: 2, memoryMiB: 4096, kernel: '6.1.0', guestKernel: '6.12.0' };
  return {
    _type: statementType,
    subject: images.map((name) => ({ name, digest: { sha256: sha256Of(name) } })),
    predicateType,
    predicate: {
      ...{ promise, commit, changed: [], tier: 'lab', run, startUnixS, endUnixS: startUnixS + 60, tests },
      machine: { ...machine, node: 'v20.19.0', qemu: 'QEMU emulator version 7.2' },
      commands: [{ on: 'r1', command: 'ping', exitStatus: 0, outputSha256: sha256Of('') }],
    },
  };
}

export function newFiles(): Pick<World, 'attachments' | 'attach'> {
  const attachments = new Map<string, Uint8Array>();
  return {
    attachments,
    attach: (bytes) => {
      attachments.set(sha256Of(bytes), bytes);
      return sha256Of(bytes);
    },
  };
}

export const atHandOf = ({ key }: RunnerKey): AtHand => ({
  ...{ nowUnixS, tier: 'lab', commit, changed: [], digests, rules: {}, runners: [key], release: undefined },
});

export function honest(): World {
  const runner = newRunner();
  const { attachments, attach } = newFiles();
  const [from, to] = [hostOf(1), lanOf(2)];
  const first: Sample[] = [
    { kind: 'pings', from, to, sent: 10, received: 10 },
    { kind: 'flow', from, to, log: attach(logOf(upTo(400), 402)) },
  ];
  const second: Sample[] = [{ kind: 'pings', from: hostOf(3), to: lanOf(1), sent: 3, received: 0 }];
  const leakUnixS = nowUnixS - 120;
  const watched = (second: number): Sample => ({
    kind: 'watch',
    captures: [{ port: 'r1', sha256: attach(captureOf(sealedFrames(40), leakUnixS + second)) }],
  });
  const third: Sample[] = [
    { kind: 'fetch', from, to: web, bytes: 0 },
    { kind: 'fetch', from, to: web, bytes: 1000 },
    watched(10),
    { kind: 'mark', name: 'done', atUnixUs: (leakUnixS + 21) * 1e6 },
    watched(20),
  ];
  const test = (title: string, samples: readonly Sample[]) => ({ test: title, thrown: [], samples });
  return {
    ...{ gate, runner, attachments, attach },
    atHand: atHandOf(runner),
    reach: draft('reach', nowUnixS - 300, [test(titles[0], first), test(titles[1], second)]),
    leak: draft('leak', leakUnixS, [test(titles[2], third)]),
  };
}

export interface Sealed extends EvidenceSet {
  readonly files: Map<string, Uint8Array>;
}

export const sealed = ({ reach, leak, runner, attachments }: World): Sealed => seal([reach, leak], runner, attachments);

export function seal(
  drafts: readonly Draft[],
  runner: RunnerKey,
  attachments: ReadonlyMap<string, Uint8Array>,
): Sealed {
  const files = drafts.map((each) => {
    const { tier, promise } = each.predicate;
    return [signedName(tier, promise), signedBy(runner, encodeStatement(each))] as const;
  });
  return { files: new Map(files), attachment: (_, digest) => attachments.get(digest) };
}
