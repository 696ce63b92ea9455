// The stand-ins for uhttpd's /ubus and rpcd's sessions: the rows of openwrt-25.12-luci.md and openwrt-25.12-rpcd-uci.md,
// asked in the same words, with ACLs and logins made for it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../qemu-test/harness/socket.ts';
import { matches } from '../../../qemu-test/standin/rpcd/acl.ts';
import { openWorld, until, type World } from './world.ts';

const everybody = '0'.repeat(32);
const acls = {
  unauthenticated: { read: { ubus: { session: ['access', 'login'] } } },
  'luci-base': {
    read: { ubus: { system: ['board'], uci: ['get', 'changes'] }, uci: ['example'] },
    write: { ubus: { uci: ['set', 'apply', 'confirm', 'rollback'] }, uci: ['example'] },
  },
};
const logins = `
config login
	option username 'root'
	option password '$p$root'
	list read '*'
	list write '*'

config login
	option username 'viewer'
	list read 'luci-*'
	list read 'unauthenticated'

config login
	option username 'locked'
	option password '$1$abcdefgh$0123456789012345678901'
	list read '*'
`;

let world: World;
let url: string;
beforeEach(async () => {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  world = await openWorld({ rpcd: logins, example: "config x 'first'\n\toption a '1'\n" }, port);
  mkdirSync(world.places.aclFolder);
  mkdirSync(world.places.wwwFolder);
  writeFileSync(join(world.places.aclFolder, 'all.json'), JSON.stringify(acls));
  writeFileSync(world.places.shadowPath, 'root::0:0:99999:7:::\n');
  writeFileSync(join(world.places.wwwFolder, 'index.html'), 'hello');
  await (await world.connect()).publish('system', { board: { args: {}, run: () => ({ hostname: 'OpenWrt' }) } });
});
afterEach(() => world.close());

const post = async (body: unknown): Promise<unknown> => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return (await fetch(`${url}/ubus`, { method: 'POST', body: text })).json();
};
const call = async (sid: string, object: string, method: string, args: object = {}): Promise<unknown> => {
  const answer = await post({ jsonrpc: '2.0', id: 1, method: 'call', params: [sid, object, method, args] });
  const { result, error } = answer as { result?: unknown; error?: unknown };
  return result ?? error;
};
async function login(username: string, password = ''): Promise<string> {
  const [status, data] = (await call(everybody, 'session', 'login', { username, password })) as [number, never];
  return status === 0 ? (data as { ubus_rpc_session: string }).ubus_rpc_session : `status ${status}`;
}
const denied = { code: -32002, message: 'Access denied' };
const access = { scope: 'uci', object: 'example', function: 'write' };

test.each<[string, string | undefined, [string, string, object?], unknown]>([
  ['nobody may ask for the board', undefined, ['system', 'board'], denied],
  ['everybody may ask whether they may', undefined, ['session', 'access', access], [0, { access: false }]],
  ['root may', 'root', ['session', 'access', access], [0, { access: true }]],
  ['who reads only may not', 'viewer', ['session', 'access', access], [0, { access: false }]],
  ['root sees the board', 'root', ['system', 'board'], [0, { hostname: 'OpenWrt' }]],
  ['what stands in no ACL is refused', 'root', ['system', 'reboot'], denied],
  ['a configuration in no ACL is status 6', 'root', ['uci', 'get', { config: 'rpcd' }], [6]],
  ['commit is in no ACL', 'root', ['uci', 'commit', { config: 'example' }], denied],
  [
    'a reader writes nothing',
    'viewer',
    ['uci', 'set', { config: 'example', section: 'first', values: { a: '2' } }],
    denied,
  ],
  ['an object that is not there', 'root', ['nosuch', 'x'], { code: -32000, message: 'Object not found' }],
  [
    'nobody says whose session it is',
    'root',
    ['uci', 'get', { ubus_rpc_session: everybody }],
    { code: -32602, message: 'Invalid parameters' },
  ],
])('%s', async (_sentence, user, [object, method, args], wanted) => {
  const sid = user === undefined ? everybody : await login(user);
  expect(await call(sid, object, method, args)).toEqual(wanted);
});

test('a session that nobody made may do nothing', async () => {
  expect(await call('f'.repeat(32), 'system', 'board')).toEqual(denied);
});

test('an empty password of root lets anybody in, as was recorded; other users and passwords that are set do not', async () => {
  expect(await login('root', 'anything')).toMatch(/^[0-9a-f]{32}$/);
  expect([await login('nobody'), await login('locked')]).toEqual(['status 6', 'status 6']);
  writeFileSync(world.places.shadowPath, 'root:$1$x$y:0:0:99999:7:::\n');
  expect(await login('root', 'anything')).toBe('status 6');
});

test('a session that was destroyed is none', async () => {
  const sid = await login('root');
  await (await world.connect()).call('session', 'destroy', { ubus_rpc_session: sid });
  expect(await call(sid, 'system', 'board')).toEqual(denied);
});

describe('changes of a session', () => {
  const set = { config: 'example', section: 'first', values: { a: '4' } };
  const onDisk = (): string => readFileSync(join(world.places.configFolder, 'example'), 'utf8');
  let sid: string;
  beforeEach(async () => {
    sid = await login('root');
    expect(await call(sid, 'uci', 'set', set)).toEqual([0]);
  });
  test('are seen by it alone, and on disk after apply and confirm', async () => {
    expect(await call(sid, 'uci', 'changes', { config: 'example' })).toEqual([
      0,
      { changes: [['set', 'first', 'a', '4']] },
    ]);
    const bus = await world.connect();
    expect((await bus.call('uci', 'changes', { config: 'example' })).data).toEqual({ changes: [] });
    expect(await call(sid, 'uci', 'apply', { rollback: true, timeout: 5 })).toEqual([0]);
    expect(onDisk()).toContain("option a '4'");
    expect(await call(sid, 'uci', 'apply', { rollback: true, timeout: 5 }), 'a second one').toEqual([6]);
    expect(await call(await login('root'), 'uci', 'confirm'), 'of another session').toEqual([6]);
    for (const method of ['commit', 'revert'])
      expect((await bus.call('uci', method, { config: 'example' })).status, `${method} while it is pending`).toBe(6);
    expect(await call(sid, 'uci', 'confirm')).toEqual([0]);
    expect(await call(sid, 'uci', 'confirm'), 'once more').toEqual([5]);
  });
  test('are undone when nobody confirms, and stand among its changes again', async () => {
    await call(sid, 'uci', 'apply', { rollback: true, timeout: 1 });
    await until('the old file', () => onDisk().includes("option a '1'"));
    expect(await call(sid, 'uci', 'changes', { config: 'example' })).toEqual([
      0,
      { changes: [['set', 'first', 'a', '4']] },
    ]);
  });
  test('are undone at once by rollback', async () => {
    await call(sid, 'uci', 'apply', { rollback: true, timeout: 30 });
    expect(await call(sid, 'uci', 'rollback')).toEqual([0]);
    expect(onDisk()).toContain("option a '1'");
  });
});

test('a list needs no session; a batch is answered in its order; what is no request says so', async () => {
  const list = await post({ jsonrpc: '2.0', id: 2, method: 'list', params: ['sys*'] });
  expect(list).toEqual({ jsonrpc: '2.0', id: 2, result: { system: { board: {} } } });
  const one = { jsonrpc: '2.0', method: 'call', params: [everybody, 'system', 'board', {}] };
  expect(
    await post([
      { ...one, id: 1 },
      { ...one, id: 2 },
    ]),
  ).toMatchObject([{ id: 1 }, { id: 2 }]);
  expect(await post('{')).toMatchObject({ error: { code: -32700 } });
  expect(await post({ id: 1 })).toMatchObject({ error: { code: -32600 } });
});

test('files are those of one folder', async () => {
  const text = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`${url}${path}`);
    return [response.status, await response.text()];
  };
  expect(await text('/')).toEqual([200, 'hello']);
  expect(await text('/..%2fconfig%2frpcd')).toEqual([404, '']);
  expect(await text('/nosuch.js')).toEqual([404, '']);
});

test.each<[string, string, boolean]>([
  ['*', 'anything at all', true],
  ['luci-*', 'luci-base', true],
  ['luci-*', 'xluci-base', false],
  ['a.b', 'axb', false],
  ['r?a', 'rea', true],
])('the pattern %s and %s: %s', (pattern, text, isMatch) => {
  expect(matches(pattern, text)).toBe(isMatch);
});
