/**
 * The configuration of a guest: committed files and uncommitted changes.
 * In: two folders, /etc/config and /tmp/.uci. Out: packages, changes, commits; the CLI and rpcd share both folders, as
 * they do on OpenWrt. Specified in libuci's file.c and delta.c.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { applyChange, type Change, formatChange, parseChanges } from './change.ts';
import { formatUci, newSection, parseUci, type UciSection } from './file.ts';

export class UciStore {
  readonly #configFolder: string;
  readonly #changeFolder: string;

  constructor(configFolder = '/etc/config', changeFolder = '/tmp/.uci') {
    this.#configFolder = configFolder;
    this.#changeFolder = changeFolder;
  }

  configs(): string[] {
    return existsSync(this.#configFolder) ? readdirSync(this.#configFolder).sort() : [];
  }

  /** A package with its uncommitted changes; `undefined` if there is no file. Throws `UciSyntaxError`. */
  load(config: string): UciSection[] | undefined {
    const sections = this.committed(config);
    if (sections !== undefined) for (const change of this.changes(config)) applyChange(sections, change);
    return sections;
  }

  /** A package as it is on disk. */
  committed(config: string): UciSection[] | undefined {
    const path = this.#file(config);
    return path !== undefined && existsSync(path) ? parseUci(readFileSync(path, 'utf8')) : undefined;
  }

  changes(config: string): Change[] {
    const path = join(this.#changeFolder, config);
    return existsSync(path) ? parseChanges(readFileSync(path, 'utf8')) : [];
  }

  change(config: string, changes: readonly Change[]): void {
    mkdirSync(this.#changeFolder, { recursive: true, mode: 0o700 });
    const lines = changes.map((change) => formatChange(config, change)).join('');
    appendFileSync(join(this.#changeFolder, config), lines, { mode: 0o600 });
  }

  /** Adds an unnamed section; its name. */
  addUnnamed(config: string, type: string): string {
    const { name } = newSection(this.load(config) ?? [], type);
    this.change(config, [{ operation: 'add', section: name, value: type }]);
    return name;
  }

  /** The changes that make an option hold a value; a list replaces what was there. */
  setting(section: UciSection, option: string, value: string | readonly string[]): Change[] {
    if (typeof value === 'string') return [{ operation: 'set', section: section.name, option, value }];
    const items = value.map((item): Change => ({ operation: 'list-add', section: section.name, option, value: item }));
    return section.options.has(option) ? [{ operation: 'remove', section: section.name, option }, ...items] : items;
  }

  /** Without changes nothing is written, as by libuci. */
  commit(config: string): void {
    const sections = this.load(config);
    if (sections === undefined || this.changes(config).length === 0) return;
    this.replace(config, sections);
    this.revert(config);
  }

  /**
   * Writes a package as it should be on disk. libuci does not look whether its writes came through (uci_file_commit): on a
   * full disk the file is what still fitted, often nothing, and nobody is told.
   */
  replace(config: string, sections: readonly UciSection[]): void {
    const path = this.#file(config);
    if (path === undefined) return;
    const file = openSync(`${path}.new`, 'w');
    try {
      writeFileSync(file, formatUci(sections));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.new`, path);
  }

  /** The same configuration with the changes of one session. */
  ofSession(folder: string): UciStore {
    return new UciStore(this.#configFolder, folder);
  }

  revert(config: string): void {
    rmSync(join(this.#changeFolder, config), { force: true });
  }

  #file(config: string): string | undefined {
    return /^[\w.-]+$/.test(config) && !config.startsWith('.') ? join(this.#configFolder, config) : undefined;
  }
}

/** A section by its name or as `@type[place]`, where a negative place counts from the end. */
export function findSection(sections: readonly UciSection[], name: string): UciSection | undefined {
  const [, type, place] = /^@([\w-]+)\[(-?\d+)\]$/.exec(name) ?? [];
  if (type === undefined) return sections.find((section) => section.name === name);
  return sections.filter((section) => section.type === type).at(Number(place));
}
