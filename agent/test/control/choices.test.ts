/** What a router may choose of exits and prefixes, and what it is told otherwise. */
import { describe, expect, test } from 'vitest';
import { chooseAnnounced, chooseExit } from '../../src/control/choices.ts';
import { choiceLines } from '../../src/text.ts';
import { choicesReport } from '../../src/control/choices.ts';
import type { Cidr, Member, Role } from '../../src/trust/types.ts';
import { believed, choices } from '../policy/believed.ts';
import { content, home } from '../trust/network.ts';

const others = content.members.filter(({ id }) => id !== home.id);
const exits = content.members.map((member): Member => {
  const isOne = member.name === others[0]?.name || member.id === home.id;
  const roles: Role[] = member.subnets.length > 0 ? ['subnet-router'] : ['client'];
  return { ...member, roles: isOne ? [...roles, 'exit'] : roles };
});
const map = believed([], exits);
const [one, other] = others.map(({ name }) => name) as string[] as [string, string];
const wanted = `exit: wanted off, full or a member with the role exit (${one}), got`;

describe('exit', () => {
  test.each([
    ['off is as it is without a choice', { exit: 'off' }, { exit: undefined }],
    ['full', { exit: 'full' }, { exit: 'full' }],
    ['a member that is an exit', { exit: one }, { exit: one }],
    ['the LAN behind it', { lan: true }, { exit_lan: '1' }],
    ['not the LAN behind it', { lan: false }, { exit_lan: undefined }],
    ['to be one', { offer: true }, { offer_exit: '1' }],
    ['nothing: it only shows', {}, {}],
  ])('%s', (_, args, options) => {
    expect(chooseExit(args, map, home.id)).toEqual(options);
  });
  test.each([
    ['a name that no member has', 'nobody', `${wanted} "nobody", which is no member in epoch 7`],
    ['a member without the role', other, `${wanted} "${other}", which has the roles client`],
    ['this router itself', 'home', `${wanted} "home", which is this router`],
  ])('%s is refused', (_, exit, message) => {
    expect(() => chooseExit({ exit }, map, home.id)).toThrow(message);
  });
  test('a name is refused while there is no map to find it in', () => {
    expect(() => chooseExit({ exit: one }, undefined, home.id)).toThrow(
      'exit: wanted off or full while there is no map that names members',
    );
  });
});

describe('announce', () => {
  test.each([
    [
      'two prefixes, one of them twice',
      ['192.168.1.0/24', '10.99.0.0/16', '192.168.1.0/24'],
      ['192.168.1.0/24', '10.99.0.0/16'],
    ],
    ['none', [], undefined],
  ])('%s', (_, prefixes, announce) => {
    expect(chooseAnnounced({ prefixes }, map)).toEqual({ announce });
  });
  test.each([
    ['text', 'lan', 'announce: wanted a prefix without host bits, like 192.168.1.0/24, got "lan"'],
    ['a prefix with host bits', '192.168.1.1/24', 'announce: wanted a prefix without host bits'],
    ['a /33', '192.168.1.0/33', 'announce: wanted a prefix without host bits'],
    [
      "the mesh's own range",
      String(map.policy.ranges[0]),
      `announce: wanted a prefix outside ${String(map.policy.ranges[0])}`,
    ],
    ['all of IPv6', '::/0', "the network's own range, got ::/0"],
  ])('%s is refused', (_, prefix, message) => {
    expect(() => chooseAnnounced({ prefixes: ['192.168.1.0/24', prefix] }, map)).toThrow(message);
  });
});

test('status says of each prefix whether it is both announced and granted', () => {
  const [granted = '' as Cidr] = content.members.find(({ id }) => id === home.id)?.subnets ?? [];
  const lines = (announced: readonly string[]): readonly string[] =>
    choiceLines({ choices: choicesReport({ ...choices, announced: announced as Cidr[] }, map, home.id) });
  expect(lines([granted])).toEqual(['exit        off; offered to others: no', `announced   ${granted}`]);
  expect(lines(['10.99.0.0/16'])).toEqual([
    'exit        off; offered to others: no',
    'announced   10.99.0.0/16: not granted by the map',
    `            ${granted}: granted by the map, not announced here`,
  ]);
});
