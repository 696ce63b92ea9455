// What a run of one promise says of itself. In: a statement, or the bytes of one. Out: the bytes, or the statement; what
// is not exactly this form is refused. Integers only, so that NaN, a fraction or an infinity cannot be written down.
// Specified in in-toto's Statement v1 and in README.md beside this file.
import { readJson, type JsonValue } from '../../agent/src/trust/json.ts';
import { integer, list, oneOf, record, text, wanted, type Shape } from '../../agent/src/trust/shape.ts';
import { parseDigest } from '../../agent/src/trust/words.ts';
import type { Tier } from '../image/build.ts';

export const payloadType = 'application/vnd.in-toto+json';
export const statementType = 'https://in-toto.io/Statement/v1';
export const predicateType = 'urn:rustynet:evidence:promise:v1';
/** Of an envelope. What is large lies beside it, named by its digest. */
export const maxEvidenceBytes = 16 << 20;
export const maxTextLength = 4096;
const maxCount = 2 ** 40;

export const words = text(`at most ${maxTextLength} characters`, (value) =>
  value.length <= maxTextLength ? value : undefined,
);
const matching = (what: string, pattern: RegExp): Shape<string> =>
  text(what, (value) => (pattern.test(value) ? value : undefined));
const name = matching('a name', /^[a-z0-9][a-z0-9 .:_-]{0,127}$/i);
export const sha256 = text('a SHA-256, hex', parseDigest);
const source = matching('an address, heard or answered, or none', /^(none|passed|(heard )?[0-9a-f.:]{2,45})$/);
const count = integer(0, maxCount);
export const time = integer(0, Number.MAX_SAFE_INTEGER);
const kind = <const Kind extends string>(word: Kind): Shape<Kind> => oneOf([word]);

/** `unit`: no guest was booted. */
export type EvidenceTier = Tier | 'unit';
const tiers = ['unit', 'lab', 'openwrt'] as const satisfies EvidenceTier[];

/** `tick`: of a processor's time, 10 ms. */
const units = ['bit/s', 'us', 'KB', 'tick', 'count'] as const;

const samples = {
  /** As ping itself counted. */
  pings: record({ kind: kind('pings'), from: name, to: name, sent: count, received: count }),
  /** Bytes of a page that arrived. */
  fetch: record({ kind: kind('fetch'), from: name, to: matching('a host', /^[0-9a-z.:[\]-]{1,255}$/), bytes: count }),
  /** What `ping -D` printed, whole, in a file of this digest. */
  flow: record({ kind: kind('flow'), from: name, to: name, log: sha256 }),
  /** Every frame that each port of the WAN carried in, in a capture file of this digest; none for a silent port. */
  watch: record({ kind: kind('watch'), captures: list(record({ port: name, sha256 }), 0, 64) }),
  /** When a promise did what the frames around it are measured from. */
  mark: record({ kind: kind('mark'), name, atUnixUs: time }),
  /** One figure, each of its values in the order in which they were taken. */
  series: record({ kind: kind('series'), name: words, unit: oneOf(units), values: list(count, 1, 100_000) }),
  /** What happened by chance from the seed, every look in a file of its digest, every frame that was not sealed in another. */
  soak: record({
    ...{ kind: kind('soak'), seed: count, port: name, looks: sha256, clear: sha256 },
    events: list(record({ event: words, atUnixMs: time, carriedUnixMs: time }), 0, 100_000),
  }),
  /** At rules as they are rendered, or with one text of them replaced: whom each packet was seen from, by its sentence. */
  packets: record({
    ...{ kind: kind('packets'), rules: name, replaced: words, by: words },
    seen: list(record({ sentence: words, source }), 0, 1000),
  }),
};
export type SampleKind = keyof typeof samples;
export type SampleOf<Kind extends SampleKind> = ReturnType<(typeof samples)[Kind]>;
export type Sample = { readonly [Kind in SampleKind]: SampleOf<Kind> }[SampleKind];

const sample: Shape<Sample> = (value, path) => {
  const given: JsonValue | undefined = value instanceof Map ? (value.get('kind') as JsonValue) : undefined;
  const kinds = Object.keys(samples) as SampleKind[];
  const known = kinds.find((each) => each === given);
  return known === undefined
    ? wanted(`a sample of ${kinds.join(' ')}`, path, given ?? value)
    : samples[known](value, path);
};

const statementShape = record({
  _type: oneOf([statementType]),
  subject: list(record({ name: matching('a path', /^[a-z0-9/._-]{1,128}$/), digest: record({ sha256 }) }), 1, 64),
  predicateType: oneOf([predicateType]),
  predicate: record({
    promise: matching('the name of a promise', /^[a-z0-9-]{1,128}$/),
    commit: matching('a commit, 40 hex digits', /^[0-9a-f]{40}$/),
    /** What `git status --porcelain` printed, a line each: nothing of a clean tree. */
    changed: list(words, 0, 10_000),
    tier: oneOf(tiers),
    /** The same in all that one run of the lab wrote. */
    run: matching('a run, 32 hex digits', /^[0-9a-f]{32}$/),
    /** `guestKernel` and `qemu` are empty where there was no guest. */
    machine: record({
      ...{ cpu: words, cores: integer(1, 4096), memoryMiB: integer(1, maxCount) },
      ...{ kernel: words, guestKernel: words, node: words, qemu: words },
    }),
    startUnixS: time,
    endUnixS: time,
    /** What guests were asked to do, cut at the length of a text; SHA-256 of what they printed. */
    commands: list(record({ on: name, command: words, exitStatus: integer(0, 255), outputSha256: sha256 }), 0, 100_000),
    /** `thrown`: what a test ended with before its end. It counts against the run; that there is nothing counts for nothing. */
    tests: list(record({ test: words, thrown: list(words, 0, 64), samples: list(sample, 0, 10_000) }), 0, 1000),
  }),
});
export type Statement = ReturnType<typeof statementShape>;
export type Predicate = Statement['predicate'];
export type Command = Predicate['commands'][number];
export type TestRecord = Predicate['tests'][number];

/** Throws a refusal (trust/refuse.ts) for anything but one statement. */
export function parseStatement(bytes: Uint8Array): Statement {
  return statementShape(readJson(bytes, maxEvidenceBytes), '$');
}

/** Of any statement of in-toto. */
export function encodeStatement(statement: Pick<Statement, '_type'>): Uint8Array {
  return Buffer.from(`${JSON.stringify(statement)}\n`);
}
