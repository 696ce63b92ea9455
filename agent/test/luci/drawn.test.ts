/** The drawings of the peers' page: each has a label that says the same in words. */
import { afterEach, expect, test } from 'vitest';
import { answer, showView, type Answers, type Shown } from './page.ts';

const now = 1_800_000_000;
const peer = {
  ...{ name: 'attic', allowed_ips: ['10.1.0.2/32'], present: true, endpoint: '192.0.2.7:51820' },
  ...{ latest_handshake: now - 30, received_bytes: 2048, sent_bytes: 100, link: 'up', why: 'a handshake' },
};
let shown: Shown | undefined;
afterEach(() => shown?.dispose());

async function page(answers: Answers): Promise<string> {
  shown = await showView('view.rustynet.peers', answers);
  return shown.html();
}

const at = (rows: readonly object[]) => ({
  status: answer({ state: 'enforced', now }),
  peers: answer({ peers: rows, total: rows.length, found: 0 }),
});
const seen = (received: number): Answers => at([{ ...peer, received_bytes: received }]);

test('traffic has a line from the second difference on: counts from look to look, from nought when a count began anew', async () => {
  const points = (): string | undefined => /<polyline points="([^"]*)"/.exec(shown?.html() ?? '')?.[1];
  await page(seen(1000));
  shown?.tick(seen(1100));
  expect(points()).toBeUndefined();
  shown?.tick(seen(1150));
  expect(points()).toBe('1,1 3,10');
  shown?.tick(seen(10));
  expect(points()).toBe('1,1 3,10 6,19');
});
test('the picture has each peer, what is behind it and whether its link is up, and says so in words', async () => {
  const exit = { ...peer, name: 'exit', link: 'down', allowed_ips: ['10.1.0.3/32', '0.0.0.0/0', '192.168.3.0/24'] };
  const html = await page(at([peer, exit]));
  expect(html).toContain('role="img" aria-label="attic up; exit down the internet 192.168.3.0/24"');
  expect([...html.matchAll(/stroke-dasharray="([^"]+)"/g)].map(([, dashes]) => dashes)).toEqual(['none', '3 5']);
  for (const text of ['this router', 'attic', 'exit, the internet, 192.168.3.0/24'])
    expect(html).toMatch(new RegExp(`<text [^>]*>${text}</text>`));
});
test('it has a dozen at most, and is not there without peers', async () => {
  const many = Array.from({ length: 50 }, (_, index) => ({ ...peer, name: `p${index}` }));
  expect((await page(at(many))).split('<circle').length - 1).toBe(12);
  shown?.dispose();
  expect(await page(at([]))).not.toContain('<svg');
});
