/** Which words of busybox's ntpd make our hotplug script tell the agent that the clock is set. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const script = fileURLToPath(
  new URL('../../../openwrt-feed/rustynet/files/etc/hotplug.d/ntp/30-rustynet', import.meta.url),
);
const told = '-t 120 wait_for rustynet\ncall rustynet clock_set\n';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-ntp-'));
  writeFileSync(join(folder, 'ubus'), `#!/bin/sh\necho "$@" >>${folder}/told\n`);
  chmodSync(join(folder, 'ubus'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['the clock was stepped: no stratum yet', { ACTION: 'step', stratum: '16' }, told],
  ['a server of stratum 2 is followed', { ACTION: 'stratum', stratum: '3' }, told],
  ['a server is still followed', { ACTION: 'periodic', stratum: '15' }, told],
  ['eleven minutes have passed without a server', { ACTION: 'periodic', stratum: '16' }, ''],
  ['eleven minutes have passed on a router that serves its own clock', { ACTION: 'periodic', stratum: '1' }, ''],
  ['the server was lost', { ACTION: 'unsync', stratum: '16' }, ''],
  ['no stratum is told', { ACTION: 'stratum' }, ''],
  ['the stratum is no number', { ACTION: 'stratum', stratum: 'x' }, ''],
  ['no action is told', {}, ''],
])('%s', (_, variables, wanted) => {
  const log = join(folder, 'told');
  rmSync(log, { force: true });
  // As procd runs it: sourced by a shell, with ntpd's variables.
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, ...variables };
  execFileSync('sh', ['-c', '. "$0"; wait', script], { env, stdio: ['ignore', 'ignore', 'ignore'] });
  expect(existsSync(log) ? readFileSync(log, 'utf8') : '').toBe(wanted);
});
