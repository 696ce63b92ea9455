// Where and when a flow lost what it lost. In: the flow's summary, the tunnel's frames on the WAN, edits, drops.
// Out: lines to read beside a failed promise. The legs tell which router lost it: a frame that crossed the WAN was sealed
// by its sender, and a reply that crossed it shows that the request was opened. WireGuard's counters show a gap where
// the WAN itself lost a frame on its way to the hub.
import type { FlowSummary, LostPing } from './flow.ts';
import type { TunnelFrame } from './witness.ts';

/** Times are this machine's, in Unix seconds. */
export interface Edit {
  readonly epoch: number;
  readonly beganUnixS: number;
  readonly publishedUnixS: number;
  readonly enforcedUnixS: number;
}

export interface Evidence {
  readonly flow: FlowSummary;
  readonly frames: readonly TunnelFrame[];
  readonly edits: readonly Edit[];
  /** How far the pinging router's clock is before this machine's, seconds. */
  readonly aheadS: number;
  readonly drops: readonly string[];
}

/** 84 bytes of IP, filled up to 96, and 32 of WireGuard: ping's own size; keepalives are shorter. */
const pingBytes = 128;
const nearS = 10;

const signed = (seconds: number): string => `${seconds >= 0 ? '+' : ''}${seconds.toFixed(3)} s`;
const unixS = ({ atMs }: TunnelFrame): number => (performance.timeOrigin + atMs) / 1000;

/** Frames of the flow that each port carried in. */
function legs(frames: readonly TunnelFrame[]): string {
  const pings = frames.filter(({ type, bytes }) => type === 4 && bytes === pingBytes);
  const ports = [...new Set(pings.map(({ port }) => port))].sort();
  return ports.map((port) => `${pings.filter((frame) => frame.port === port).length} from ${port}`).join(', ');
}

/** Sealed by a router and never seen here: lost between its WireGuard and its cable. */
function gaps(frames: readonly TunnelFrame[]): readonly string[] {
  const newest = new Map<string, number>();
  return frames.flatMap((frame) => {
    if (frame.type !== 4) return [];
    const session = `${frame.port}/${frame.receiver}`;
    const before = newest.get(session) ?? frame.counter - 1;
    newest.set(session, Math.max(before, frame.counter));
    if (frame.counter === before + 1) return [];
    return [`  ${frame.port}: WireGuard counter ${before}, then ${frame.counter}, at ${unixS(frame).toFixed(3)}`];
  });
}

function around({ sequence, afterUnixS, beforeUnixS }: LostPing, { frames, edits, aheadS }: Evidence): string[] {
  const at = afterUnixS - aheadS;
  const near = (time: number): boolean => Math.abs(time - at) < nearS;
  const steps = edits.flatMap(({ epoch, beganUnixS, publishedUnixS, enforcedUnixS }) => [
    { at: beganUnixS, what: `epoch ${epoch} begun by the operator` },
    { at: publishedUnixS, what: `epoch ${epoch} goes to the broker` },
    { at: enforcedUnixS, what: `epoch ${epoch} enforced` },
  ]);
  const shakes = frames
    .filter(({ type }) => type === 1 || type === 2)
    .map((frame) => ({ at: unixS(frame), what: `handshake message ${frame.type} from ${frame.port}` }));
  const events = [...steps, ...shakes].filter((event) => near(event.at)).sort((a, b) => a.at - b.at);
  return [
    `  icmp_seq ${sequence}: between the answers at ${at.toFixed(3)} and ${(beforeUnixS - aheadS).toFixed(3)}`,
    ...events.map((event) => `    ${signed(event.at - at)}  ${event.what}`),
  ];
}

export function lossReport(evidence: Evidence): string {
  const { flow, frames, drops } = evidence;
  return [
    `${flow.transmitted} pings sent, ${flow.received} answered, ${flow.lost.length} lost; on the WAN ${legs(frames)}`,
    ...flow.lost.flatMap((ping) => around(ping, evidence)),
    ...gaps(frames),
    ...flow.said.map((line) => `  ping: ${line}`),
    ...drops.map((line) => `  ${line}`),
  ].join('\n');
}
