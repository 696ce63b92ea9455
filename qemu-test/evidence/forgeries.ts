// Forgeries of what was measured: tests, samples, captures and logs. All are signed by the runner itself, so that only
// what a gate computes anew can refuse them.
import { bendSample, bendSamples, setTests, type Forgery } from './forger.ts';
import { captureOf, clearFrame, logOf, nowUnixS, sealedFrames, upTo, type World } from './honest.ts';
import type { Sample } from './statement.ts';

const reach = (test: number, at: number, change: object) => (world: World) => bendSample(world.reach, test, at, change);
const leak = (at: number, change: object) => (world: World) => bendSample(world.leak, 0, at, change);
const watchUnixS = nowUnixS - 110;

const capture =
  (bytes: Uint8Array, port = 'r1') =>
  (world: World): void =>
    bendSample(world.leak, 0, 2, { captures: [{ port, sha256: world.attach(bytes) }] });
const frames = (...more: Buffer[]): Buffer => captureOf([...sealedFrames(30), ...more], watchUnixS);
const log =
  (bytes: Uint8Array) =>
  (world: World): void =>
    bendSample(world.reach, 0, 1, { log: world.attach(bytes) });
const bentLog = (from: string, to: string): ((world: World) => void) =>
  log(Buffer.from(logOf(upTo(400), 402).toString().replace(from, to)));

/** The bytes of the first capture of the leak promise, under the digest that they had. */
function bendFile({ leak: statement, attachments }: World, bend: (bytes: Uint8Array) => Uint8Array | undefined): void {
  const watch = statement.predicate.tests[0]?.samples[2] as Sample & { kind: 'watch' };
  const digest = watch.captures[0]?.sha256 ?? '';
  const bent = bend(attachments.get(digest) ?? new Uint8Array());
  if (bent === undefined) attachments.delete(digest);
  else attachments.set(digest, bent);
}

/** Witnesses leave these out. */
const arp = Buffer.from('ffffffffffff5254000000010806', 'hex');

/** A capture whose second frame comes before its first. */
function unordered(): Buffer {
  const [first, second] = [captureOf(sealedFrames(30), watchUnixS), captureOf(sealedFrames(1), watchUnixS - 1)];
  return Buffer.concat([first, second.subarray(24)]);
}

export const forgeries: readonly Forgery[] = [
  [
    'a test that failed is left out',
    'test-missing',
    /wanted "a stranger does not", got no such test/,
    (world) => {
      setTests(world.reach, world.reach.predicate.tests.slice(0, 1));
    },
  ],
  [
    'a test twice',
    'test-twice',
    /got it 2 times/,
    ({ reach: statement }) => {
      setTests(statement, [...statement.predicate.tests, ...statement.predicate.tests.slice(0, 1)]);
    },
  ],
  [
    'a test of which the gate knows nothing',
    'test-unknown',
    /wanted no other test, got "another"/,
    (world) => {
      setTests(world.reach, [...world.reach.predicate.tests, { test: 'another', thrown: [], samples: [] }]);
    },
  ],
  [
    'a test that threw after its last sample',
    'threw',
    /got expected 3 to be 4$/,
    (world) => {
      const { tests } = world.reach.predicate;
      setTests(
        world.reach,
        tests.map((each) => ({ ...each, thrown: ['expected 3 to be 4\nat line 7'] })),
      );
    },
  ],
  [
    'a sample that failed is left out',
    'sample-missing',
    /wanted 3 pings from host of r3 .*got no sample/,
    (world) => {
      bendSamples(world.reach, 1, () => []);
    },
  ],
  [
    'the first of two samples is left out',
    'sample',
    /wanted 10 pings .*got a sample of flow/,
    (world) => {
      bendSamples(world.reach, 0, (samples) => samples.slice(1));
    },
  ],
  [
    'a sample more, of a better try',
    'sample-extra',
    /wanted 1 samples, got more: pings/,
    (world) => {
      bendSamples(world.reach, 1, (samples) => [...samples, ...samples]);
    },
  ],
  [
    'samples in another order',
    'sample',
    /wanted 10 pings .*got a sample of flow/,
    (world) => {
      bendSamples(world.reach, 0, (samples) => [...samples].reverse());
    },
  ],
  ['nothing was sent, so nothing passed', 'nothing-sent', /to 192\.168\.1\.2, got none/, reach(1, 0, { sent: 0 })],
  [
    'fewer were sent than the promise sends',
    'sample',
    /wanted 3 pings .*got 0 answers to 1 pings/,
    reach(1, 0, { sent: 1 }),
  ],
  ['more answers than pings', 'impossible', /at most 10 answers to 10 pings, got 11/, reach(0, 0, { received: 11 })],
  ['one answer is missing', 'sample', /all answered, got 9 answers to 10/, reach(0, 0, { received: 9 })],
  ['one that was to be blocked is answered', 'sample', /none answered, got 1 answers/, reach(1, 0, { received: 1 })],
  [
    'pings to another address',
    'sample',
    /to 192\.168\.1\.2, none answered, got .*192\.168\.9\.9/,
    reach(1, 0, { to: '192.168.9.9' }),
  ],
  ['pings of the router in place of its host', 'sample', /from host of r1 .*from r1 to/, reach(0, 0, { from: 'r1' })],
  ['a page that never comes', 'sample', /wanted 1000 bytes .*got 0 bytes/, leak(1, { bytes: 0 })],
  ['a page of another server', 'sample', /got 1000 bytes of 10\.0\.0\.1/, leak(1, { to: '10.0.0.1' })],
  [
    'no packet ever passed',
    'nothing-seen',
    /^reach: .*wanted a packet that arrived, got none/,
    (world) => {
      bendSamples(world.reach, 0, () => []);
    },
  ],
  [
    'a capture that is not there',
    'file-missing',
    /wanted the file [0-9a-f]{64}\.pcap, got none/,
    (world) => {
      bendFile(world, () => undefined);
    },
  ],
  [
    'a capture with one frame cut out',
    'file-differs',
    /wanted SHA-256 [0-9a-f]{64}, got/,
    (world) => {
      bendFile(world, (bytes) => bytes.subarray(0, bytes.length - 154));
    },
  ],
  [
    'a capture with one bit flipped',
    'file-differs',
    /wanted SHA-256/,
    (world) => {
      bendFile(world, (bytes) => bytes.map((byte, at) => (at === 90 ? byte ^ 1 : byte)));
    },
  ],
  ['a capture of no bytes', 'file-malformed', /wanted the header of a capture, got nothing/, capture(new Uint8Array())],
  ['a capture of no packets', 'nothing-seen', /wanted packets of r1 in .*got none/, capture(captureOf([], watchUnixS))],
  [
    'a capture that is text',
    'file-malformed',
    /header of a capture, got 6e6f206c65616b73/,
    capture(Buffer.from('no leaks')),
  ],
  [
    'a capture that ends within a frame',
    'file-malformed',
    /wanted a frame of 138 bytes/,
    capture(frames().subarray(0, 1000)),
  ],
  [
    'a capture that ends within a record',
    'file-malformed',
    /wanted a record at byte/,
    capture(frames().subarray(0, 24 + 154 + 7)),
  ],
  [
    'a frame that is no packet',
    'file-malformed',
    /wanted a packet at byte \d+, got 14 bytes of none/,
    capture(frames(arp)),
  ],
  ['frames out of order', 'file-malformed', /in the order of their times/, capture(unordered())],
  [
    'frames of an hour before the run',
    'time',
    /wanted packets within the run/,
    capture(captureOf(sealedFrames(30), nowUnixS - 3600)),
  ],
  [
    'frames of after the run',
    'time',
    /wanted packets within the run/,
    capture(captureOf(sealedFrames(30), nowUnixS - 30)),
  ],
  ['a watch without a capture', 'sample', /got 0 packets, 0 sealed, 0 leaked/, leak(2, { captures: [] })],
  [
    'a watch with hardly anything to leak',
    'sample',
    /got 5 packets, 5 sealed, 0/,
    capture(captureOf(sealedFrames(5), watchUnixS)),
  ],
  [
    'a leak in the capture',
    'sample',
    /1 leaked; 1 198\.51\.100\.11 0 > 203\.0\.113\.1 0/,
    capture(frames(clearFrame())),
  ],
  ['the capture of another router', 'sample', /got 0 packets/, capture(frames(clearFrame()), 'r2')],
  [
    'no mark of the moment that counts',
    'sample',
    /before it was done, got none/,
    (world) => {
      bendSamples(world.leak, 0, (samples) => samples.filter(({ kind }) => kind !== 'mark'));
    },
  ],
  ['a mark outside of the run', 'time', /wanted the mark done within the run/, leak(3, { atUnixUs: nowUnixS * 1e6 })],
  [
    'a mark twice',
    'sample',
    /wanted the mark done once/,
    (world) => {
      bendSamples(world.leak, 0, (samples) => [...samples, ...samples.filter(({ kind }) => kind === 'mark')]);
    },
  ],
  [
    'a log that is not there',
    'file-missing',
    /wanted the file 0{64}\.log, got none/,
    reach(0, 1, { log: '0'.repeat(64) }),
  ],
  [
    'a flow that lost one',
    'sample',
    /got 399 answers, 1 lost/,
    log(
      logOf(
        upTo(400).filter((each) => each !== 7),
        402,
      ),
    ),
  ],
  ['a flow whose end nobody answered', 'sample', /0 lost, 600 unanswered at the end/, log(logOf(upTo(400), 1000))],
  [
    'an answer twice in place of a lost one',
    'sample',
    /1 lost/,
    log(logOf([...upTo(6), 6, ...upTo(400).slice(7)], 402)),
  ],
  ['a flow that is too short', 'sample', /at least 300 answers, none lost, got 20 answers/, log(logOf(upTo(20), 20))],
  ['a negative latency', 'file-malformed', /answer with its time, got .*time=-1/, bentLog('time=1.21', 'time=-1.21')],
  [
    'a latency that is no number',
    'file-malformed',
    /answer with its time, got .*time=NaN/,
    bentLog('time=1.21', 'time=NaN'),
  ],
  [
    "a log cut before ping's own count",
    'file-malformed',
    /own count of at least 400 at the end, got 0/,
    bentLog('402 packets transmitted', ''),
  ],
  [
    'fewer sent than answered',
    'file-malformed',
    /at least 400 at the end, got 12$/,
    bentLog('402 packets', '12 packets'),
  ],
];
