import { describe, expect, test } from 'vitest';
import { refusalReasons } from '../../src/trust/types.ts';
import { makeVectors, readVectors } from './make-vectors.ts';
import { runVector } from './run-vector.ts';

const vectors = readVectors();

test('the vectors on file are the ones that the generator makes', () => {
  expect(vectors).toEqual(makeVectors());
});

test('every reason of the closed union has a vector, and so has acceptance at every door', () => {
  expect(new Set(vectors.map(({ want }) => want))).toEqual(new Set(['accepted', 'found', ...refusalReasons]));
  const accepted = vectors.filter(({ want }) => want === 'accepted').map(({ door }) => door);
  expect(new Set(accepted)).toEqual(new Set(vectors.map(({ door }) => door)));
});

describe('vectors', () => {
  test.each(vectors.map((vector) => [`${vector.door}: ${vector.what} is ${vector.want}`, vector] as const))(
    '%s',
    (_, vector) => {
      const { got, detail } = runVector(vector);
      expect(got, detail).toBe(vector.want);
      if (got !== 'accepted') expect(detail).toMatch(/^wanted .*, got /);
    },
  );
});
