// The page that joins, pressed: the daemon answers a join before its status tells of it, and the page follows all the same.
import { afterEach, expect, test } from 'vitest';
import { answer, showView, type Shown } from './page.ts';

const none = { state: 'closed', node: 'ab', identity_key: 'cd', wireguard_key: 'ef', name: null };
const before = { ...none, network: null, invite: null, next_wireguard_key: null, map: null, floors: null };
const network = 'cd'.repeat(16);

let shown: Shown | undefined;
afterEach(() => shown?.dispose());

/** The click's listener of the one button, as the page of this status has it; what `again` would show then. */
function pressed(page: Shown): string {
  const code = `(() => {
    const button = (node) => node.tag === 'button' ? node : (node.parts ?? []).map(button).find(Boolean);
    it.page(() => { it.after = it.page(() => 0, ${JSON.stringify(before)}); }, ${JSON.stringify(before)})
      .map(button).find(Boolean).listeners.click();
    return 0;
  })()`;
  page.evaluate(code);
  return String(page.evaluate("(it.after ?? []).map((part) => part.html).join('')"));
}

test.each([
  ['by an invite that lets in', { network }, /This router has joined/],
  ['by one that asks', { network, invite: '00112233aabbccdd' }, /asks to be let in by invite 00112233aabbccdd/],
])('joined %s, it says so while the status is still of before', async (_, joined, wanted) => {
  shown = await showView('view.rustynet.join', { status: answer(before), join: answer(joined) });
  expect(shown.html()).toContain('rustynet-invite');
  const html = pressed(shown);
  expect(html).toMatch(wanted);
  expect(html).toContain(network);
  expect([html.includes('rustynet-invite'), shown.evaluate('it.isTyping')]).toEqual([false, false]);
  shown.evaluate(`(it.page(() => 0, ${JSON.stringify({ ...before, network })}), 0)`);
  const left = shown.evaluate(`it.page(() => 0, ${JSON.stringify(before)}).map((part) => part.html).join('')`);
  expect(left, 'and when the router has left again').toContain('rustynet-invite');
});

test('refused, it stays where it was, with the reason', async () => {
  shown = await showView('view.rustynet.join', {
    status: answer(before),
    join: answer({ error: { code: 'INVITE', message: 'wanted text' } }),
  });
  expect(pressed(shown)).toBe('');
  expect(shown.evaluate('it.isTyping')).toBe(true);
});

const member = { ...before, state: 'enforced', network, name: 'attic', map: { epoch: 7 }, floors: { epoch: 7 } };
const add = 'rustynet-operator member add NAME --identity cd --wireguard ef';
test.each<[string, object, string | undefined]>([
  ['nowhere a member', before, add],
  ['joined before any map came', { ...before, network, floors: { epoch: 0 } }, add],
  ['in a network whose map has no such member', { ...member, state: 'closed', name: null }, add],
  ['that asks to be let in', { ...before, network, invite: '00112233aabbccdd' }, 'rustynet-operator approve ab'],
  [
    'with its next key',
    { ...member, next_wireguard_key: 'gh' },
    'rustynet-operator member rotate attic --wireguard gh',
  ],
  ['that is a member', member, undefined],
  ['whose map has ended: nobody knows', { ...member, state: 'closed', name: null, map: null }, undefined],
])('what the operator does for a router %s', async (_, status, command) => {
  shown = await showView('view.rustynet.join', { status: answer(status) });
  const html = shown.html();
  expect(/<pre>(.*?)<\/pre>/.exec(html)?.[1]).toBe(command);
  expect(html.includes('Tell the operator these keys')).toBe(command !== undefined);
  expect(html).toContain('<code>cd</code>');
});
