// The record of what happened on a router is on its flash, and whoever edits it there is found, by segment and line.
// Each byte and each pair of lines is the affair of agent/test/trust/audit.test.ts; here it is the booted router's file.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isFinding, verifyAudit } from '../../agent/src/trust/audit-verify.ts';
import { topics } from '../../agent/src/trust/topics.ts';
import type { IdentityKey } from '../../agent/src/trust/types.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import type { Router } from '../topology/router.ts';

let mesh: Mesh;
let r1: Router;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  r1 = mesh.router('r1');
});
afterAll(() => mesh.stop());

const folder = '/etc/rustynet/audit';
const verify = async (): Promise<string> => {
  const { status, stdout } = await r1.guest.exec('rustynet audit verify');
  return `${status} ${stdout.trimEnd()}`;
};

test('joining, an accepted map and a refused one are on flash, and the export verifies elsewhere', async () => {
  const epoch = await mesh.release();
  const { identity_key: key } = await r1.reaches('enforced', epoch);
  const { payload, ...rest } = JSON.parse(mesh.signedMap().toString()) as { payload: string };
  const bent = Buffer.from(payload, 'base64')
    .toString()
    .replace(/"epoch":\d+/, '"epoch":99');
  const envelope = { ...rest, payload: Buffer.from(bent).toString('base64') };
  await mesh.broker.say(topics.map(mesh.network), Buffer.from(JSON.stringify(envelope)));
  await r1.guest.run(`until grep -q '"event":"refused"' ${folder}/1; do sleep 0.2; done`);

  const exported = await r1.guest.run('rustynet audit export');
  expect(exported).toBe(await r1.guest.run(`cat ${folder}/1 ${folder}/head`));
  const end = exported.lastIndexOf('\n', exported.length - 2) + 1;
  const [log, head] = [exported.slice(0, end), exported.slice(end)].map((text) => Uint8Array.from(Buffer.from(text)));
  const files = { segments: [{ name: '1', bytes: log ?? new Uint8Array() }], head };
  const entries = verifyAudit(files, key as IdentityKey);
  if (isFinding(entries)) throw new Error(`wanted a whole log, got ${JSON.stringify(entries)}`);
  const told = entries.map(({ event, fields }) => ({ event, ...fields }));
  expect(told[0]).toMatchObject({ event: 'start' });
  expect(told).toContainEqual({ event: 'joined', network: mesh.network });
  expect(told).toContainEqual(expect.objectContaining({ event: 'map-accepted', epoch }));
  expect(told).toContainEqual(expect.objectContaining({ event: 'refused', reason: 'too-few-signers' }));
  expect(await r1.guest.run('rustynet audit show')).toContain('refused reason=too-few-signers detail=wanted 1 signers');
  expect(await verify()).toMatch(/^0 whole: \d+ lines in 1 segments/);
});

const file = `${folder}/1`;
const edits: readonly [what: string, edit: string, finding: RegExp][] = [
  [
    'a byte in the first line',
    `printf X | dd of=${file} bs=1 seek=20 conv=notrunc`,
    /^5 NOT WHOLE: segment 1, line [12]: /,
  ],
  [
    'a field',
    `sed -i 's/"reason":"too-few-signers"/"reason":"rollback"/' ${file}`,
    /line \d+: wanted the SHA-256 of the/,
  ],
  ['a cut line', `sed -i 2d ${file}`, /^5 NOT WHOLE: segment 1, line 2: wanted seq 2, got 3/],
  ['two lines swapped', `sed -i '2{h;d};3{G}' ${file}`, /^5 NOT WHOLE: segment 1, line 2: wanted seq 2, got 3/],
  ['a line twice', `sed -i 2p ${file}`, /^5 NOT WHOLE: segment 1, line 3: wanted seq 3, got 2/],
  ['a line added at the end', `echo '{}' >>${file}`, /^5 NOT WHOLE: segment 1, line \d+: wanted the key/],
  [
    'the end cut off at the checkpoint before',
    `last=$(grep -n '"event":"checkpoint"' ${file} | tail -n 2 | head -n 1 | cut -d: -f1); sed -i "$((last + 1)),\\$d" ${file}`,
    /^5 NOT WHOLE: segment head, line 1: wanted a log with the line of seq/,
  ],
  ['all of it gone', `rm -r ${folder}`, /^5 NOT WHOLE: segment head, line 1: wanted .*got no log$/],
];

test('each edit of the file on flash is found, and put back it is whole', async () => {
  await r1.guest.run(`cp -a ${folder} /tmp/audit`);
  for (const [what, edit, finding] of edits) {
    const before = await r1.guest.run(`cat ${folder}/*`);
    await r1.guest.run(edit);
    expect(await r1.guest.run(`cat ${folder}/* 2>/dev/null; true`), what).not.toBe(before);
    expect(await verify(), what).toMatch(finding);
    await r1.guest.run(`rm -rf ${folder}; cp -a /tmp/audit ${folder}`);
  }
  expect(await verify()).toMatch(/^0 whole/);
});

test('an edit is found also after a restart, which goes on behind it', async () => {
  await r1.guest.run(`sed -i 2d ${file}; /etc/init.d/rustynet restart`);
  await r1.until(({ state }) => state === 'enforced', 'a daemon again');
  expect(await verify()).toMatch(/^5 NOT WHOLE: segment 1, line 2: wanted seq 2, got 3/);
});
