// Raw samples as a gate reads them. In: the bytes of a capture, or of what ping printed. Out: packets with their times,
// answers with theirs; whatever is cut, bent or out of order is refused. Specified in draft-ietf-opsawg-pcap, ping(8).
import { refuse } from '../../agent/src/trust/refuse.ts';
import { summaryOf, type FlowSummary } from '../topology/flow.ts';
import { parsePacket, type WanPacket } from '../topology/witness.ts';

const headerBytes = 24;
const recordBytes = 16;
const magic = 'd4c3b2a1020004000000000000000000000004000100' + '0000';

/** Packets of one port; `atMs` is Unix time here, in milliseconds. */
export function readCapture(bytes: Uint8Array, port: string): readonly WanPacket[] {
  const file = Buffer.from(bytes);
  const head = file.toString('hex', 0, headerBytes);
  if (head !== magic) refuse('malformed', `wanted the header of a capture, got ${head === '' ? 'nothing' : head}`);
  const packets: WanPacket[] = [];
  let lastMs = 0;
  for (let at = headerBytes; at < file.length;) {
    if (file.length < at + recordBytes) refuse('malformed', `wanted a record at byte ${at}, got the end`);
    const atMs = file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / 1000;
    const [kept, length] = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 12)];
    at += recordBytes;
    if (kept !== length || file.length < at + length) {
      refuse('malformed', `wanted a frame of ${length} bytes at byte ${at}, got ${Math.min(kept, file.length - at)}`);
    }
    if (atMs < lastMs) refuse('malformed', `wanted frames in the order of their times, got ${atMs} after ${lastMs}`);
    lastMs = atMs;
    const packet = parsePacket(port, file.subarray(at, at + length));
    if (packet === undefined) refuse('malformed', `wanted a packet at byte ${at}, got ${length} bytes of none`);
    packets.push({ ...packet, atMs });
    at += length;
  }
  return packets;
}

export interface FlowReading extends FlowSummary {
  /** Of each answer, milliseconds. */
  readonly rttMs: readonly number[];
}

export function readFlow(bytes: Uint8Array): FlowReading {
  const printed = Buffer.from(bytes).toString();
  const answers = printed.split('\n').filter((line) => line.includes(' bytes from '));
  const rttMs = answers.map((line) => {
    const [, rtt] = / time=(\d+(?:\.\d+)?) ms(?: \(DUP!\))?$/.exec(line) ?? [];
    return rtt === undefined ? refuse('malformed', `wanted an answer with its time, got ${line}`) : Number(rtt);
  });
  const summary = summaryOf(printed);
  if (summary.transmitted < Math.max(1, summary.sent)) {
    refuse('malformed', `wanted ping's own count of at least ${summary.sent} at the end, got ${summary.transmitted}`);
  }
  return { ...summary, rttMs };
}

/** Nearest rank: the smallest value that `percent` of all are not above. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}
