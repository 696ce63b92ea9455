/**
 * The Makefiles of the feed and of LuCI's page make what bundle/ipk.ts packs. They are run by GNU make under a few lines
 * that stand in for the SDK's rules.mk and package.mk: they call the same definitions, and hand scripts over by the
 * environment as those do.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { version } from './build.ts';
import { collectorContent, pageContent, routerContent, type Content } from './content.ts';
import { packageVersion } from './ipk.ts';

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
const packaging = `WATCHED:=$(PKG_FILE_DEPENDS)
define BuildPackage
$(eval $(call Package/$(1)))
${said.map((name) => `export V_${name}=$$(call Package/$(1)/${name})`).join('\n')}
all:
	$(Build/Prepare)
	mkdir -p $(INTO)
	$(call Package/$(1)/install,$(INTO)/root)
${said.map((name) => `\techo "$$$$V_${name}" >$(INTO)/${name}`).join('\n')}
	echo "$(DEPENDS)" >$(INTO)/depends
	echo "$(WATCHED)" >$(INTO)/watched
	echo "$(PKG_VERSION)-r$(PKG_RELEASE) $(PKGARCH)" >$(INTO)/version
endef
`;

/** LuCI's own, which installs whole folders and says nothing of a package but what these variables are. */
const luciRules = `LUCI_NAME?=$(notdir \${CURDIR})
include $(TOPDIR)/package.mk
define Package/$(PKG_NAME)
  PKGARCH:=$(LUCI_PKGARCH)
  DEPENDS:=$(LUCI_DEPENDS)
endef
define Package/$(PKG_NAME)/description
$(LUCI_DESCRIPTION)
endef
define Package/$(PKG_NAME)/install
	echo "$(LUCI_NAME)" >$(INTO)/name
endef
$(eval $(call BuildPackage,$(PKG_NAME)))
`;

function make(folderOfIt: string, ...argv: string[]): string {
  const place = join(import.meta.dirname, '..', folderOfIt);
  const given = [`TOPDIR=${sdk}`, `INTO=${into}`, ...argv];
  return execFileSync('make', ['-s', '-C', place, ...given], { encoding: 'utf8', stdio: 'pipe' });
}

beforeAll(() => {
  mkdirSync(sdk);
  writeFileSync(join(sdk, 'rules.mk'), rules);
  writeFileSync(join(sdk, 'package.mk'), packaging);
  mkdirSync(join(sdk, 'feeds/luci'), { recursive: true });
  writeFileSync(join(sdk, 'feeds/luci/luci.mk'), luciRules);
  writeFileSync(bundle, 'the bundle');
});
const made = (name: string): string => readFileSync(join(into, name), 'utf8');

function expectSameWords({ dependencies, description }: Content): void {
  expect(made('version')).toBe(`${packageVersion(version)} all\n`);
  expect(made('depends')).toBe(`${dependencies.map((name) => `+${name}`).join(' ')}\n`);
  expect(made('description').trim()).toBe(description);
}

function expectSameFiles({ files }: Content): void {
  const wanted = Object.entries(files).map(
    ([path, { data, mode }]) => [path, mode.toString(8), Buffer.from(data).toString()] as const,
  );
  const root = join(into, 'root');
  const got = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => [`/${relative(root, path)}`, (statSync(path).mode & 0o777).toString(8), readFileSync(path, 'utf8')]);
  expect(got.sort()).toEqual(wanted.sort());
}

describe('the Makefile of the feed', () => {
  let content: Content;
  beforeAll(async () => {
    content = await routerContent(readFileSync(bundle));
    make('openwrt-feed/rustynet', `BUNDLE=${bundle}`);
  });
  test('installs the files of the package, each with its mode', () => expectSameFiles(content));
  test.each([
    ['preinst', 'preinst'],
    ['postinst', 'postinst-pkg'],
    ['prerm', 'prerm-pkg'],
    ['postrm', 'postrm'],
  ])('hands over the script %s unchanged', (name, file) => {
    expect(made(name)).toBe(String(content.scripts[file]));
  });
  test('says the same of version, needs, settings and purpose', () => {
    expectSameWords(content);
    expect(made('conffiles')).toBe(`${content.conffiles.join('\n')}\n`);
  });
  test('is run again for another bundle, which lies outside of its folder', () => {
    expect(made('watched')).toBe(`${bundle}\n`);
  });
  test('says what to do when there is no bundle', () => {
    expect(() => make('openwrt-feed/rustynet', `BUNDLE=${folder}/none`)).toThrow(
      `wanted ${folder}/none, got none: run npm ci && npm run build`,
    );
  });
});

function expectSameScripts({ scripts }: Content): void {
  expect([made('postinst'), made('postrm')]).toEqual(['postinst-pkg', 'postrm'].map((name) => String(scripts[name])));
}

test('the Makefile of the collector installs its file, and says the same of version, needs, purpose and scripts', async () => {
  const content = await collectorContent();
  rmSync(into, { recursive: true });
  make(`openwrt-feed/${content.name}`);
  expectSameFiles(content);
  expectSameWords(content);
  expectSameScripts(content);
});

test("LuCI's Makefile says the same of version, needs and purpose, and hands over the scripts unchanged", async () => {
  const content = await pageContent();
  make('luci-app');
  expectSameWords(content);
  expect(made('name')).toBe(`${content.name}\n`);
  expectSameScripts(content);
});
