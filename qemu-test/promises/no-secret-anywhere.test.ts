// A router's private keys, the next one too, its password of the broker and the key of an invite that it waits with are in
// their files, and nowhere else: not after a session with all that it has to say in it. The search is shown first to find
// each of them, in each place.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { topics } from '../../agent/src/trust/topics.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import type { Router } from '../topology/router.ts';
import { filesWith, foundIn, saidBy, secretsOf, watchArguments, type Secret } from '../topology/secrets.ts';

let mesh: Mesh;
let r1: Router;
let secrets: readonly Secret[];
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  r1 = mesh.router('r1');
  await r1.guest.run('rustynet rotate-key');
  secrets = await secretsOf(r1);
  expect(secrets.map(({ name }) => name)).toEqual([
    'broker.password',
    'identity.key',
    'wireguard.key',
    'wireguard.next.key',
  ]);
});
afterAll(() => mesh.stop());

test('the files that have them are for root alone, and the daemon leaves no core', async () => {
  const listed = await r1.guest.run(`stat -c '%a %u %n' ${secrets.map(({ file }) => file).join(' ')}`);
  expect(listed.trim().split('\n')).toEqual(secrets.map(({ file }) => `600 0 ${file}`));
  expect(await r1.guest.run(`cat /proc/${await r1.daemonPid()}/limits`)).toMatch(/^Max core file size +0 /m);
});

const planted = ['/tmp/planted', '/var/log/planted'];

/** Each in the log, in a file, in UCI, in arguments and on MQTT. Gives what showed of it there. */
async function plant(): Promise<Record<string, string>> {
  const needles = secrets.map((secret) => secret.needles.at(-1) ?? '');
  const [heard, stop] = [await mesh.broker.hear(), await watchArguments(r1)];
  for (const [at, needle] of needles.entries())
    await r1.guest.run(
      `echo 'x${needle}x' | tee -a ${planted.join(' ')}; uci set rustynet.main.planted${at}='${needle}'`,
    );
  await r1.guest.run(`uci commit; sh -c 'sleep 4; true' ${needles.join(' ')}`);
  const said = { ...(await saidBy(r1, 'UCI', 'the log')), arguments: await stop() };
  await mesh.broker.say(`${topics.map(mesh.network)}/planted`, Buffer.from(needles.join(' ')));
  await expect.poll(() => heard.text(), { timeout: 10_000 }).toContain(needles.at(-1));
  await heard.stop();
  return { ...said, MQTT: heard.text() };
}

test('the search finds each of them where it is put: in the log, a file, arguments, UCI, on MQTT', async () => {
  const found = foundIn(secrets, await plant());
  const places = ['arguments', 'the log', 'UCI', 'MQTT'];
  for (const { name } of secrets)
    expect(found).toEqual(expect.arrayContaining(places.map((place) => `${name} in ${place}`)));
  expect(await filesWith(secrets, r1)).toEqual(expect.arrayContaining(['/tmp/planted', '/etc/config/rustynet']));
  await mesh.broker.say(`${topics.map(mesh.network)}/planted`, Buffer.alloc(0));
  await r1.guest.run(
    `for n in 0 1 2 3; do uci delete rustynet.main.planted$n; done; uci commit; rm ${planted.join(' ')}; sync`,
  );
  expect([foundIn(secrets, await saidBy(r1)), await filesWith(secrets, r1)]).toEqual([[], []]);
});

/** Gone from the map, the router asks to be let in again, waits, and is let in. Gives the secrets that it waited with. */
async function askedAndLetIn(): Promise<readonly Secret[]> {
  await r1.guest.run('rustynet leave');
  await mesh.operator('member', 'remove', 'r1');
  const epoch = await mesh.release();
  await mesh.join('r1', await mesh.invite('--name', 'r1', '--ttl', '1h', '--subnet', '192.168.1.0/24'));
  await r1.until(({ why }) => String(why).includes(`epoch ${epoch}`), 'the map without it');
  const waiting = await secretsOf(r1);
  expect(waiting.map(({ name }) => name)).toContain('invite.key');
  expect(foundIn(waiting, await saidBy(r1))).toEqual([]);
  expect(await filesWith(waiting, r1)).toEqual([]);
  await expect
    .poll(() => mesh.operator('approve', '--json', ...mesh.operatorLogin), { timeout: 30_000, interval: 500 })
    .toContain('"node"');
  await mesh.operator('approve', '--all', ...mesh.operatorLogin);
  await r1.reaches('enforced', await mesh.release());
  expect((await r1.guest.exec('ls /etc/rustynet/invite.key')).status, 'let in, it forgets the invite').not.toBe(0);
  return waiting;
}

test('left, asking and let in, refusing a map, with a key that others could read, restarted: it tells none of them', async () => {
  const [heard, stop] = [await mesh.broker.hear(), await watchArguments(r1)];
  const waiting = await askedAndLetIn();
  // Joined already: neither a login that takes the place of another nor a refusal must repeat what it was given.
  await mesh.join('r1');
  await expect(mesh.join('r1', `${await mesh.ownInvite('r1')}!`)).rejects.toThrow('wanted base64url');
  await mesh.broker.say(topics.map(mesh.network), Buffer.from('{"bent":true}'));
  await r1.until(({ refusals }) => JSON.stringify(refusals).includes('malformed'), 'a refusal that is counted');
  const key = '/etc/rustynet/wireguard.key';
  await r1.guest.run(`chmod 644 ${key}; /etc/init.d/rustynet restart`);
  await r1.logs(`${key}: wanted mode 0600, got 0644`);
  await r1.guest.run(`chmod 600 ${key}`);
  await mesh.publish();
  await r1.reaches('enforced', mesh.signedEpoch(), 120_000);
  const seen = await stop();
  // A process of a moment: that some of the daemon's were caught shows that the watch is quick enough.
  expect(seen).toMatch(/(?:^| )(?:wg|nft) (?:set|show|-)/m);
  const said: Record<string, string> = { ...(await saidBy(r1)), 'arguments that were seen': seen, MQTT: heard.text() };
  await heard.stop();
  expect(said['MQTT']).toContain('/status');
  for (const part of ['== rustynet status', '== wg show', 'table inet rustynet', 'rustynet.main=']) {
    expect(said['the report']).toContain(part);
  }
  const all = [...secrets, ...waiting, ...(await secretsOf(r1))];
  expect(foundIn(all, said)).toEqual([]);
  expect(await filesWith(all, r1)).toEqual([]);
}, 400_000);
