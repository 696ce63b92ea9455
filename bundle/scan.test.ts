/** The router's file holds nothing that could stand in for the kernel or for a signature; planted, each is found. */
import type { Plugin } from 'esbuild';
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { readableRouter } from './build.ts';
import { modulesOf, scan } from './scan.ts';

let bundle = '';
beforeAll(async () => {
  bundle = await readableRouter();
});

test('nothing is found in what is shipped, and all of it was looked at', () => {
  expect(scan(bundle)).toEqual([]);
  const paths = modulesOf(bundle).map(({ path }) => path);
  for (const room of ['wire', 'trust', 'policy', 'plan', 'control', 'drivers']) {
    expect(
      paths.some((path) => path.startsWith(`agent/src/${room}/`)),
      room,
    ).toBe(true);
  }
  const seen = modulesOf(bundle).reduce((sum, { text }) => sum + text.length, 0);
  expect(seen).toBeGreaterThan(0.98 * bundle.length);
});

/** Puts code at the end of a source file while it is bundled; it runs, so that nothing shakes it off. */
function planted(file: string, code: string): Plugin {
  return {
    name: 'planted',
    setup(build) {
      build.onLoad({ filter: new RegExp(`/agent/src/${file}$`) }, ({ path }) => ({
        contents: `${readFileSync(path, 'utf8')}\n${code}`,
        loader: 'ts',
      }));
    },
  };
}

const keep = (value: string): string => `globalThis.planted = ${value};`;

test.each<[what: string, file: string, code: string, found: RegExp]>([
  [
    'a backend in memory',
    'drivers/wireguard.ts',
    'export class InMemoryWireGuard {}; globalThis.x = InMemoryWireGuard;',
    /backend.*"InMemory"/,
  ],
  ['a simulated kernel', 'main.ts', keep('{ backend: "simulated" }'), /backend.*"simulat"/],
  ['a dry run', 'cli.ts', keep('process.argv.includes("dry-run")'), /changes nothing.*"dry-run"/],
  ['a dry run as an option', 'control/agent.ts', keep('{ dryRun: true }'), /changes nothing.*"dryRun"/],
  ['a fake of a driver', 'main.ts', keep('() => { const fakeUbus = {}; return fakeUbus; }'), /test double.*"fake"/],
  ['a mock', 'drivers/flash.ts', keep('{ mockStore: 1 }'), /test double.*"mock"/],
  [
    'a driver of the tests',
    'main.ts',
    "import { FakeUbusd } from '../test/drivers/fake-ubusd.ts';\n" + keep('FakeUbusd'),
    /agent\/test\/drivers\/fake-ubusd\.ts: wanted a file/,
  ],
  [
    'a stand-in of the lab',
    'main.ts',
    "import { Ubusd } from '../../qemu-test/standin/bus/ubusd.ts';\n" + keep('Ubusd'),
    /qemu-test\/standin\/bus\/ubusd\.ts: wanted a file/,
  ],
  [
    "the operator's signing",
    'main.ts',
    "import * as sign from './operator/sign.ts';\n" + keep('sign'),
    /agent\/src\/operator\/sign\.ts: wanted a file/,
  ],
  [
    'the encoding of maps',
    'control/belief.ts',
    "import { encodeMap } from '../trust/map.ts';\n" + keep('encodeMap'),
    /makes a map or a root: wanted none, got "encodeMap"/,
  ],
  [
    'the encoding of roots',
    'control/belief.ts',
    "import { encodeRoot } from '../trust/root.ts';\n" + keep('encodeRoot'),
    /makes a map or a root: wanted none, got "encodeRoot"/,
  ],
  [
    'a signature of a map by the router',
    'control/status.ts',
    "import { mapType } from '../trust/limits.ts';\n" +
      keep('(i: { sign(b: Uint8Array): Uint8Array }, p: Uint8Array) => i.sign(pae(mapType, p))'),
    /control\/status\.ts: a use of the types.*"mapType"/,
  ],
  [
    'the type of maps written out',
    'drivers/keys.ts',
    keep('"application/vnd.rustynet.map+json"'),
    /drivers\/keys\.ts: a use of the types/,
  ],
  [
    'signing among what believes',
    'trust/map.ts',
    keep('(i: { sign(b: string): string }) => i.sign("")'),
    /trust\/map\.ts: signing where belief is/,
  ],
  [
    'a flag that skips verification',
    'cli.ts',
    keep('process.argv.includes("--skip-verify")'),
    /way around verification: wanted none, got "skip-verif"/,
  ],
  [
    'a flag with an innocent name',
    'cli.ts',
    keep('process.argv.includes("--fast")'),
    /flag that is not known here: wanted none, got "\\"--f"/,
  ],
  [
    'an option that takes what is unsigned',
    'control/config.ts',
    keep('{ accept_unsigned: "0" }'),
    /way around verification: wanted none, got "accept_unsigned"/,
  ],
  ['a switch in the environment', 'trust/dsse.ts', keep('process.env.RUSTYNET_TRUST'), /switch in the environment/],
  ['a lenient verification', 'trust/dsse.ts', keep('{ zip215: true }'), /lenient signature/],
  ['TLS without certificates', 'drivers/mqtt.ts', keep('{ rejectUnauthorized: false }'), /TLS without certificates/],
  [
    'another package',
    'main.ts',
    "import { Encrypter } from 'age-encryption';\n" + keep('Encrypter'),
    /wanted packages .*got age-encryption/,
  ],
])('planted and found: %s', async (_, file, code, found) => {
  const findings = scan(await readableRouter(planted(file, code)));
  expect(findings.join('\n')).toMatch(found);
});
