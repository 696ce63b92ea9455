// A router names whom the policy lets it meet, and nobody else; what it does not name it asks nobody else for.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { askOnHost, askOnRouter, meshAddresses } from '../topology/names.ts';
import { watch } from '../topology/witness.ts';

let mesh: Mesh;
let v4 = '';
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  v4 = (await meshAddresses(mesh.router('r2'))).v4;
});
afterAll(() => mesh.stop());

const meets = async (...others: string[]): Promise<void> => {
  await mesh.setPolicy(others.map((name) => ({ from: ['member:r1'], to: [`member:${name}`], protocols: ['any'] })));
  const epoch = await mesh.release();
  await mesh.router('r1').reaches('enforced', epoch);
};

test('a member without a granted pair has no name; with one it has; revoked, it has none again', async () => {
  const r1 = mesh.router('r1');
  const questions = [
    ['r2.lab.mesh.internal', 'A'],
    ['r2.lab.mesh.internal', 'AAAA'],
    [v4, 'PTR'],
  ] as const;
  const hidden = ['ENOTFOUND', 'ENOTFOUND', 'ENOTFOUND'];
  await meets();
  expect(await askOnRouter(r1, ...questions)).toEqual(hidden);
  expect(await askOnHost(r1, ...questions)).toEqual(hidden);
  await meets('r2');
  expect((await askOnHost(r1, ...questions))[0]).toBe(v4);
  await meets();
  expect(await askOnHost(r1, ...questions)).toEqual(hidden);
});

test('no name of the zone and no address of the mesh is asked of a stranger', async () => {
  const r1 = mesh.router('r1');
  const { packets, stop } = watch(mesh.hub);
  await askOnHost(
    r1,
    ['r2.lab.mesh.internal', 'A'],
    ['nobody.lab.mesh.internal', 'AAAA'],
    [v4, 'PTR'],
    ['seen.example', 'A'],
  );
  stop();
  const asked = packets.filter(({ toPort }) => toPort === 53).map(({ payload }) => payload.toString('latin1'));
  // The witness sees questions: one that may pass does.
  expect(asked.some((text) => text.includes('\x04seen\x07example'))).toBe(true);
  expect(asked.filter((text) => text.includes('internal') || text.includes('in-addr'))).toEqual([]);
});

test('closed, the zone is empty and still asked of nobody', async () => {
  const r1 = mesh.router('r1');
  await mesh.operator('member', 'remove', 'r1');
  await mesh.release();
  await r1.reaches('closed');
  const { packets, stop } = watch(mesh.hub);
  expect(await askOnHost(r1, ['r2.lab.mesh.internal', 'A'], ['r1.lab.mesh.internal', 'A'])).toEqual([
    'ENOTFOUND',
    'ENOTFOUND',
  ]);
  stop();
  const asked = packets.filter(({ toPort }) => toPort === 53).map(({ payload }) => payload.toString('latin1'));
  expect(asked.filter((text) => text.includes('internal'))).toEqual([]);
});
