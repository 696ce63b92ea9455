// Forgeries of the file itself: what is no envelope, is not signed, or is signed and not a statement.
import { encodeEnvelope, openEnvelope, pae } from '../../agent/src/trust/dsse.ts';
import { keyIdOf } from '../../agent/src/trust/words.ts';
import { sign } from 'node:crypto';
import { bendSample, leakFile, reachFile, setPredicate, textOf, type Forgery } from './forger.ts';
import { newRunner, type World } from './honest.ts';
import { signedBy } from './runner-key.ts';
import { encodeStatement, maxEvidenceBytes, payloadType } from './statement.ts';

type Files = Map<string, Uint8Array>;

const write =
  (text: string) =>
  (files: Files): void =>
    void files.set(reachFile, Buffer.from(text));

/** Replaces text of the payload and signs it as the runner does. */
const resigned =
  (from: string | RegExp, to: string) =>
  (files: Files, { runner }: World): void => {
    const { payload } = openEnvelope(files.get(reachFile) ?? new Uint8Array(), payloadType);
    const text = textOf(payload);
    const bent = text.replace(from, to);
    if (bent === text) throw new Error(`forgery: wanted ${String(from)} in the payload, got none`);
    files.set(reachFile, signedBy(runner, Buffer.from(bent, 'latin1')));
  };

/** Replaces text of the payload and leaves the signature as it is. */
const edited =
  (from: string, to: string) =>
  (files: Files): void => {
    const { payload, signatures } = openEnvelope(files.get(reachFile) ?? new Uint8Array(), payloadType);
    const bent = Buffer.from(textOf(payload).replace(from, to));
    files.set(reachFile, encodeEnvelope({ payloadType, payload: bent, signatures }));
  };

function signedOtherwise(files: Files, change: (payload: Uint8Array) => { keyid: string; sig: Uint8Array }): void {
  const { payload } = openEnvelope(files.get(reachFile) ?? new Uint8Array(), payloadType);
  files.set(reachFile, encodeEnvelope({ payloadType, payload, signatures: [change(payload)] }));
}

export const forgedBytes: readonly Forgery[] = [
  ['a file with a status alone', 'malformed', /wanted no key "status"/, undefined, write('{"status":"pass"}')],
  ['a word', 'malformed', /wanted a value at character 0, got "pass"/, undefined, write('pass')],
  ['an empty file', 'malformed', /wanted a value at character 0, got the end/, undefined, write('')],
  [
    'a statement written by hand, with no envelope',
    'malformed',
    /wanted no key "_type" in \$/,
    undefined,
    (files, { reach }) => void files.set(reachFile, encodeStatement(reach)),
  ],
  [
    'an unsigned statement, as a run without a key writes it',
    'unsigned',
    /^lab\/reach\.unsigned\.json: unsigned: wanted an envelope/,
    undefined,
    (files, { reach }) => {
      files.delete(reachFile);
      files.set('lab/reach.unsigned.json', encodeStatement(reach));
    },
  ],
  [
    'an envelope with no signature',
    'malformed',
    /wanted 1 to 16 entries at \$\.signatures, got 0/,
    undefined,
    (files, { reach }) =>
      void files.set(reachFile, encodeEnvelope({ payloadType, payload: encodeStatement(reach), signatures: [] })),
  ],
  [
    'the key of somebody else',
    'wrong-signer',
    /wanted 1 signers of the pinned runners, got 0/,
    undefined,
    (files, { reach }) => void files.set(reachFile, signedBy(newRunner(), encodeStatement(reach))),
  ],
  [
    'the key of somebody else under the id of the runner',
    'wrong-signer',
    /got 0/,
    undefined,
    (files, { runner }) =>
      signedOtherwise(files, (payload) => ({
        keyid: keyIdOf(runner.key),
        sig: new Uint8Array(sign(null, pae(payloadType, payload), newRunner().secret)),
      })),
  ],
  [
    "the runner's signature of the payload without DSSE's encoding",
    'wrong-signer',
    /got 0/,
    undefined,
    (files, { runner }) =>
      signedOtherwise(files, (payload) => ({
        keyid: keyIdOf(runner.key),
        sig: new Uint8Array(sign(null, payload, runner.secret)),
      })),
  ],
  [
    'the signature of the other promise',
    'wrong-signer',
    /^lab\/reach.*got 0/,
    undefined,
    (files) => {
      const { signatures } = openEnvelope(files.get(leakFile) ?? new Uint8Array(), payloadType);
      signedOtherwise(files, () => signatures[0] ?? { keyid: '', sig: new Uint8Array() });
    },
  ],
  ['an answer added after it was signed', 'wrong-signer', /got 0/, undefined, edited('"received":0', '"received":3')],
  ['a commit changed after it was signed', 'wrong-signer', /got 0/, undefined, edited('c0c0', 'c1c1')],
  [
    'another payload type under a signature that holds',
    'malformed',
    /wanted payload type application\/vnd\.in-toto\+json, got "application\/json"/,
    undefined,
    (files, { runner, reach }) => {
      const payload = encodeStatement(reach);
      const sig = new Uint8Array(sign(null, pae('application/json', payload), runner.secret));
      const signatures = [{ keyid: keyIdOf(runner.key), sig }];
      files.set(reachFile, encodeEnvelope({ payloadType: 'application/json', payload, signatures }));
    },
  ],
  [
    'a file cut in the middle',
    'malformed',
    /wanted the end of a string/,
    undefined,
    (files) => void files.set(reachFile, files.get(reachFile)?.subarray(0, 900) ?? new Uint8Array()),
  ],
  [
    'a file with more behind its end',
    'malformed',
    /wanted the end at character \d+, got "\{/,
    undefined,
    (files) => write(textOf(files.get(reachFile)).repeat(2))(files),
  ],
  [
    'a file that is too large',
    'malformed',
    /wanted at most 16777216 bytes, got 16777217/,
    undefined,
    (files) => void files.set(reachFile, new Uint8Array(maxEvidenceBytes + 1)),
  ],
  ['bytes that are not UTF-8', 'malformed', /UTF-8/, undefined, resigned('a processor', '\xff\xfe')],
  [
    'a verdict beside the samples',
    'malformed',
    /wanted no key "verdict"/,
    (world) => {
      setPredicate(world.reach, { verdict: 'pass' });
    },
  ],
  [
    'a verdict in a sample',
    'malformed',
    /wanted no key "passed"/,
    ({ reach }) => {
      bendSample(reach, 0, 0, { passed: true });
    },
  ],
  ['a key twice', 'malformed', /each key once, got "sent" twice/, undefined, resigned('"sent":3', '"sent":0,"sent":3')],
  [
    'no samples at all',
    'malformed',
    /wanted the key "tests"/,
    undefined,
    resigned(/,"tests":\[.*\](?=,"machine")/, ''),
  ],
  ['NaN for a count', 'malformed', /wanted a value at/, undefined, resigned('"received":10', '"received":NaN')],
  ['null for a count', 'malformed', /wanted a value at/, undefined, resigned('"received":10', '"received":null')],
  ['Infinity for a count', 'malformed', /wanted a value at/, undefined, resigned('"sent":10', '"sent":Infinity')],
  [
    'a negative count',
    'malformed',
    /wanted an integer from 0 .*got -1/,
    undefined,
    resigned('"received":0', '"received":-1'),
  ],
  ['half a packet', 'malformed', /without fraction/, undefined, resigned('"received":10', '"received":9.5')],
  ['a count with an exponent', 'malformed', /or exponent/, undefined, resigned('"received":10', '"received":1e1')],
  ['a count in words', 'malformed', /got "10"/, undefined, resigned('"received":10', '"received":"10"')],
  [
    'a count beyond all integers',
    'malformed',
    /within 2\^53/,
    undefined,
    resigned('"sent":10', '"sent":99999999999999999'),
  ],
  [
    'a sample of a kind that is none',
    'malformed',
    /wanted a sample of pings .*got "pass"/,
    ({ reach }) => {
      bendSample(reach, 0, 0, { kind: 'pass' });
    },
  ],
  [
    'a sample that is a word',
    'malformed',
    /wanted a sample of pings .*got "ok"/,
    ({ reach }) => {
      setPredicate(reach, { tests: [{ test: 'all of it', thrown: [], samples: ['ok'] }] });
    },
  ],
  [
    'a predicate of another form',
    'malformed',
    /at \$\.predicateType/,
    ({ reach }) => {
      Object.assign(reach, { predicateType: 'https://in-toto.io/attestation/test-result/v0.1' });
    },
  ],
  [
    'a statement of another version',
    'malformed',
    /at \$\._type/,
    ({ reach }) => {
      Object.assign(reach, { _type: 'https://in-toto.io/Statement/v0.1' });
    },
  ],
  [
    'an exit status that no program has',
    'malformed',
    /exitStatus, got 256/,
    undefined,
    resigned('"exitStatus":0', '"exitStatus":256'),
  ],
  [
    'a path for a promise',
    'malformed',
    /wanted the name of a promise/,
    undefined,
    resigned('"promise":"reach"', '"promise":"../reach"'),
  ],
];
