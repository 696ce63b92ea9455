/**
 * reload_config: tells procd which configurations changed since it was last run.
 * In: UCI and a file of digests. Out: the names that changed. Recorded: a configuration that is new since the last run
 * is only taken down, not announced.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { UciSection } from './file.ts';
import type { UciStore } from './store.ts';

function digest(sections: readonly UciSection[]): string {
  const shown = sections.map(({ name, type, options }) => [name, type, [...options]]);
  return createHash('md5').update(JSON.stringify(shown)).digest('hex');
}

/** The configurations that changed; the digests are those of now afterwards. */
export function changedConfigs(store: UciStore, digestPath: string): string[] {
  const lines = existsSync(digestPath) ? readFileSync(digestPath, 'utf8').split('\n') : [];
  const before = new Map(lines.filter((line) => line !== '').map((line) => line.split(' ') as [string, string]));
  const now = store.configs().map((config) => [config, digest(store.load(config) ?? [])] as const);
  mkdirSync(dirname(digestPath), { recursive: true });
  writeFileSync(digestPath, now.map(([config, value]) => `${config} ${value}\n`).join(''));
  return now.filter(([config, value]) => before.has(config) && before.get(config) !== value).map(([config]) => config);
}
