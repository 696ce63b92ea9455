// What the page says in words, in QuickJS: values as the daemon gives them, and values that it never gave.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeClass, type Shown } from './page.ts';

let words: Shown;
beforeAll(async () => {
  words = await takeClass('rustynet.words');
});
afterAll(() => words.dispose());

const map = (spent: number): string => `{ issued: 1000, expires: 2000 }, ${1000 + spent}`;

test.each<[string, string, unknown]>([
  ['seconds up to two minutes', 'it.duration(119)', '119 s'],
  ['then minutes', 'it.duration(120)', '2 min'],
  ['then hours', 'it.duration(7200)', '2 h'],
  ['then days', 'it.duration(172800)', '2 days'],
  ['no number is unknown, not 0', 'it.duration(null)', 'unknown'],
  ['nor is a number that is none', 'it.duration(NaN)', 'unknown'],
  ['a time in UTC', 'it.time(1764172800)', '2025-11-26 16:00:00 UTC'],
  ['time 0 is unknown, not 1970', 'it.time(0)', 'unknown'],
  ['a time that no date holds', 'it.time(1e300)', 'unknown'],
  ['no handshake was ever', 'it.age(0, 1000)', 'never'],
  ['an age', 'it.age(970, 1000)', '30 s ago'],
  ['a time to come has no age', 'it.age(1500, 1000)', 'unknown'],
  ['an age without a clock', 'it.age(970)', 'unknown'],
  ['bytes', 'it.bytes(1023)', '1023 B'],
  ['small units with a digit', 'it.bytes(1536)', '1.5 KiB'],
  ['large ones without', 'it.bytes(50 * 1024 * 1024)', '50 MiB'],
  ['no count is unknown', 'it.bytes(undefined)', 'unknown'],
  ['nothing said is unknown', 'it.text(null)', 'unknown'],
  ['0 was said', 'it.text(0)', '0'],
  ['enforced is good', 'it.state("enforced").level', 'success'],
  ['unsafe is not', 'it.state("unsafe").level', 'danger'],
  [
    'what no one told us of is not good',
    'it.state("wonderful")',
    {
      level: 'danger',
      title: 'Unknown state: wonderful',
      means: 'This page does not know it. Take the mesh for closed.',
      todo: null,
    },
  ],
  ['nor is the name of what every object has', 'it.state("toString").level', 'danger'],
  [
    'a young map',
    `it.life(${map(749)})`,
    { percent: 74, level: null, short: 'Expires in 4 min', text: 'Expires in 4 min' },
  ],
  [
    'three quarters warn',
    `it.life(${map(750)})`,
    {
      percent: 75,
      level: 'warning',
      short: 'Expires in 4 min',
      text: 'Expires in 4 min: ask the operator to sign a new map.',
    },
  ],
  [
    'the end is the end',
    `it.life(${map(1000)})`,
    { percent: 100, level: 'danger', short: 'Expired', text: 'Expired 0 s ago: ask the operator to sign a new map.' },
  ],
  ['before it was signed nothing is spent', `it.life(${map(-60)}).percent`, 0],
  ['a map without its times', 'it.life({}, 5)', { percent: null, level: 'warning', text: 'unknown' }],
  ['no map', 'it.life(null, 5).text', 'There is no map.'],
  ['no lease is closed', 'it.lease(0)', 'none: the mesh is closed'],
  ['a lease that was not said', 'it.lease()', 'unknown'],
  ['no broker before there is a network', 'it.broker({ broker: null, network: null })', 'none: no network was joined'],
  ['a broker that was not said', 'it.broker({ network: "x" })', 'unknown'],
  [
    'a broker and why not',
    'it.broker({ broker: { connected: false, last_error: "refused" } })',
    'not connected: refused',
  ],
  ['members', 'it.members({ names: ["a", "b"], more: 3 })', 'a, b and 3 more'],
  ['nobody', 'it.members({ names: [], more: 0 })', 'nobody by name'],
  ['a link nobody told us of', 'it.link("sideways")', 'unknown'],
  [
    'a denied call',
    'it.failure(new Error("RPC call to rustynet/status failed with error -32002: Access denied")).title',
    'Not allowed',
  ],
  [
    'a refused one',
    'it.failure(new Error("RPC call to uci/set failed with ubus code 6: Permission denied")).title',
    'Not allowed',
  ],
  [
    'no daemon',
    'it.failure(new Error("RPC call to rustynet/status failed with error -32000: Object not found")).title',
    'The daemon does not answer',
  ],
  [
    'a slow one',
    'it.failure(new Error("RPC call to rustynet/status failed with ubus code 7: Request timeout")).title',
    'The daemon did not answer in time',
  ],
  ['anything else is a failure too', 'it.failure("odd")', { title: 'Failed', said: 'odd', todo: null }],
])('%s', (_sentence, expression, wanted) => {
  expect(words.evaluate(expression)).toEqual(wanted);
});
