/**
 * The feed's Makefile installs what bundle/ipk.ts packs. It is run by GNU make under a few lines that stand in for the
 * SDK's rules.mk and package.mk: they call the same definitions, and hand scripts over by the environment as those do.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { version } from './build.ts';
import { conffiles, controlScript, installedFiles } from './content.ts';
import { dependencies, description, packageVersion } from './ipk.ts';

const folder = mkdtempSync(join(tmpdir(), 'rustynet-make-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [sdk, into, bundle] = ['sdk', 'into', 'rustynet.js'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];

const rules = `SHELL:=/bin/bash
INCLUDE_DIR:=$(TOPDIR)
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600
`;
const said = ['conffiles', 'preinst', 'postinst', 'prerm', 'postrm', 'description'];
const packaging = `define BuildPackage
$(eval $(call Package/$(1)))
${said.map((name) => `export V_${name}=$$(call Package/$(1)/${name})`).join('\n')}
all:
	$(Build/Prepare)
	mkdir -p $(INTO)
	$(call Package/$(1)/install,$(INTO)/root)
${said.map((name) => `\techo "$$$$V_${name}" >$(INTO)/${name}`).join('\n')}
	echo "$(DEPENDS)" >$(INTO)/depends
	echo "$(PKG_VERSION)-r$(PKG_RELEASE) $(PKGARCH)" >$(INTO)/version
endef
`;

function make(...argv: string[]): string {
  const place = join(import.meta.dirname, '../openwrt-feed/rustynet');
  const given = [`TOPDIR=${sdk}`, `INTO=${into}`, ...argv];
  return execFileSync('make', ['-s', '-C', place, ...given], { encoding: 'utf8', stdio: 'pipe' });
}

beforeAll(() => {
  mkdirSync(sdk);
  writeFileSync(join(sdk, 'rules.mk'), rules);
  writeFileSync(join(sdk, 'package.mk'), packaging);
  writeFileSync(bundle, 'the bundle');
  make(`BUNDLE=${bundle}`);
});
const made = (name: string): string => readFileSync(join(into, name), 'utf8');

describe('the Makefile of the feed', () => {
  test('installs the files of the package, each with its mode', async () => {
    const wanted = Object.entries(await installedFiles(readFileSync(bundle))).map(
      ([path, { data, mode }]) => [path, mode.toString(8), Buffer.from(data).toString()] as const,
    );
    const root = join(into, 'root');
    const got = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [
        `/${relative(root, path)}`,
        (statSync(path).mode & 0o777).toString(8),
        readFileSync(path, 'utf8'),
      ]);
    expect(got.sort()).toEqual(wanted.sort());
  });
  test.each([
    ['preinst', 'preinst'],
    ['postinst', 'postinst-pkg'],
    ['prerm', 'prerm-pkg'],
    ['postrm', 'postrm'],
  ])('hands over the script %s unchanged', async (name, file) => {
    expect(made(name)).toBe((await controlScript(file)).toString());
  });
  test('says the same of version, needs, settings and purpose', () => {
    expect(made('version')).toBe(`${packageVersion(version)} all\n`);
    expect(made('depends')).toBe(`${dependencies.map((name) => `+${name}`).join(' ')}\n`);
    expect(made('conffiles')).toBe(`${conffiles.join('\n')}\n`);
    expect(made('description').trim()).toBe(description);
  });
  test('says what to do when there is no bundle', () => {
    expect(() => make(`BUNDLE=${folder}/none`)).toThrow(`wanted ${folder}/none, got none: run npm ci && npm run build`);
  });
});
