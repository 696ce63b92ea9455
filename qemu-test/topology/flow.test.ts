// What ping prints, and what the lab reads of it: a lost answer has a number and a time, and nothing hides one.
import { expect, test } from 'vitest';
import { summaryOf } from './flow.ts';

const answer = (sequence: number, unixS: number): string =>
  `[${unixS.toFixed(6)}] 64 bytes from 192.168.2.2: icmp_seq=${sequence} ttl=62 time=1.20 ms`;
const text = (...sequences: number[]): string => sequences.map((each) => answer(each, 1000 + each)).join('\n');

test.each([
  ['all answered', text(1, 2, 3), { sent: 3, received: 3, lost: [] }],
  ['one lost', text(1, 3), { sent: 3, received: 2, lost: [{ sequence: 2, afterUnixS: 1001, beforeUnixS: 1003 }] }],
  ['answers out of order are no loss', text(1, 3, 2), { sent: 3, received: 3, lost: [] }],
  ['an answer twice stands for no other', text(1, 3, 3), { sent: 3, received: 2 }],
  [
    'a report of the network is no answer',
    `${text(1, 3)}\nFrom 192.168.1.1 icmp_seq=2 Port Unreachable`,
    { received: 2 },
  ],
  ["ping's own count", `${text(1, 2)}\n4 packets transmitted, 2 received`, { sent: 2, transmitted: 4 }],
])('%s', (_, printed, wanted) => {
  expect(summaryOf(printed)).toMatchObject(wanted);
});

test('sequences go on after 65,535', () => {
  const sequences = Array.from({ length: 65_540 }, (_, at) => at + 1).filter((each) => each !== 65_537);
  const printed = sequences.map((each) => answer(each % 65_536, 1000 + each)).join('\n');
  const { sent, received, lost } = summaryOf(printed);
  expect({ sent, received, lost: lost.map(({ sequence }) => sequence) }).toEqual({
    ...{ sent: 65_540, received: 65_539 },
    lost: [65_537],
  });
});
