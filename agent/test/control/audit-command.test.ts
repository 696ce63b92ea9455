/** `rustynet audit`: what it asks, prints and exits with, over a real log. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askAudit, auditText } from '../../src/audit-command.ts';
import { Audit } from '../../src/control/audit.ts';
import { Fault, type JsonObject } from '../../src/control/ports.ts';
import { openAudit } from '../../src/drivers/audit.ts';
import { nodeIdOf } from '../../src/trust/words.ts';
import { node, signing } from '../trust/log.ts';
import { home, nowUnixS } from '../trust/network.ts';

let folder: string;
let passedS = 0;
let audit: Audit;
const moment = (): { atUnixS: number; clock: 'signed' } => ({ atUnixS: nowUnixS + passedS, clock: 'signed' });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-audit-'));
  passedS = 0;
  const identity = {
    id: nodeIdOf(node.key),
    identityKey: node.key,
    wireGuardKey: home.wireGuardKey,
    sign: signing.sign,
  };
  audit = new Audit(
    openAudit(folder),
    identity,
    () => passedS,
    () => undefined,
  );
  audit.start({ event: 'start', fields: { version: '1.0' } }, moment());
  audit.record([{ event: 'joined', fields: { network: 'aa' } }], moment());
  audit.record([{ event: 'state', fields: { state: 'closed', why: 'no map has come yet' } }], moment());
});
afterEach(() => rmSync(folder, { recursive: true }));

const daemon = ({ verify, segment }: JsonObject): Promise<JsonObject> => {
  try {
    return Promise.resolve(verify === true ? audit.verify() : audit.page(segment as string | undefined));
  } catch (error) {
    return Promise.resolve({ error: { code: (error as Fault).code } });
  }
};
async function run(what: string): Promise<[number, string]> {
  const { data, status } = await askAudit(daemon, what);
  return [status, auditText(what, data)];
}
const edit = (from: string, to: string): void => {
  writeFileSync(`${folder}/1`, readFileSync(`${folder}/1`, 'utf8').replace(from, to));
};

test('show: a line an event, without checkpoints, and what waits', async () => {
  expect(await run('show')).toEqual([
    0,
    [
      '2027-01-15T08:00:00Z (clock signed) start version=1.0',
      '2027-01-15T08:00:00Z (clock signed) joined network=aa',
      'not on flash yet: 2027-01-15T08:00:00Z (clock signed) state state=closed why=no map has come yet',
    ].join('\n'),
  ]);
});
test('show of a line that somebody wrote: no control character reaches the terminal, and no text ends it', async () => {
  edit('"1.0"', '"\\u001b[2J"');
  for (const line of ['null', '5', '[', '\u001b[2J']) writeFileSync(`${folder}/1`, `${line}\n`, { flag: 'a' });
  const [status, text] = await run('show');
  expect(status).toBe(0);
  expect(text).not.toContain('\u001b');
  expect(text).toContain('version=\ufffd[2J');
  expect(text.split('\n').filter((line) => line.startsWith('?  not a line'))).toHaveLength(4);
});
test('verify: 0 and the head when it is whole; 5 and segment, line, wanted and got when not', async () => {
  const [status, text] = await run('verify');
  expect([status, text]).toEqual([
    0,
    expect.stringMatching(/^whole: 3 lines in 1 segments since 2027-01-15T08:00:00Z, head 3 [0-9a-f]{64}$/) as string,
  ]);
  edit('"aa"', '"ab"');
  expect(await run('verify')).toEqual([
    5,
    expect.stringMatching(/^NOT WHOLE: segment 1, line 3: wanted the SHA-256 of the line before, .*, got/) as string,
  ]);
});
test('export: the bytes of all segments, oldest first, then the head record', async () => {
  for (let round = 0; round < 60; round += 1) {
    passedS += 600;
    const fill = (reason: string) => ({ event: 'refused', fields: { reason, detail: 'x'.repeat(150) } }) as const;
    audit.record(['a', 'b', 'c'].map(fill), moment());
  }
  const { segments, head } = openAudit(folder).read();
  expect(segments.length).toBeGreaterThan(1);
  const bytes = [...segments.map((segment) => segment.bytes), head ?? new Uint8Array()];
  expect(await run('export')).toEqual([0, Buffer.concat(bytes).toString()]);
});
test('a segment that is dropped between two pages is an error, and no shorter log', async () => {
  const answers: JsonObject[] = [{ segment: '1', text: '', next: '2' }];
  const ask = (args: JsonObject): Promise<JsonObject> =>
    Promise.resolve(answers.shift()).then((page) => page ?? daemon(args));
  expect(await askAudit(ask, 'export')).toEqual({ data: { error: { code: 'AUDIT' } }, status: 1 });
});
