import { expect, it } from 'vitest';
import { lineOfDetail, lineOfPath } from '../../src/operator/json-lines.ts';

const text = [
  '{ "rules": [',
  '  { "from": ["a,]}\\"", ":"],',
  '    "to": [] },',
  '  {}, true,',
  '  -1',
  '], "rules.x": { "y":',
  '  "z" },',
  '"extra": 1 }',
].join('\n');

it.each([
  ['$', 1],
  ['$.rules', 1],
  ['$.rules[0]', 2],
  ['$.rules[0].from[1]', 2],
  ['$.rules[0].to', 3],
  ['$.rules[1]', 4],
  ['$.rules[2]', 4],
  ['$.rules[3]', 5],
  ['$.rules.x.y', 7],
  ['$.rules[4]', undefined],
  ['$.nothing', undefined],
])('the value at %s begins on line %s', (path, line) => {
  expect(lineOfPath(text, path)).toBe(line);
});

it.each([
  ['wanted a label at policy.rules[3], got -1', 5],
  ['wanted the key "to" in policy.rules[1], got none', 4],
  ['wanted no key "extra" in $, got it', 8],
  ['wanted ":" at character 14, got "x"', 2],
  ['wanted each key once, got "a" twice', undefined],
])('%s is about line %s', (detail, line) => {
  expect(lineOfDetail(text, detail)).toBe(line);
});
