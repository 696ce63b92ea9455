/** npm itself, asked to audit by a registry on this machine: what it prints is read, and a refusal is no report. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import { vulnerabilitiesIn } from './audit-report.ts';
import { askRegistry, lockFile } from './audit.ts';
import { sha256OfFile } from './surroundings.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  vi.unstubAllEnvs();
});

/** Answers whatever npm asks; gives its address, and what was asked. */
async function registry(status: number, body: object): Promise<{ address: string; asked: string[] }> {
  // A proxy of this machine knows nothing of an address on it.
  vi.stubEnv('npm_config_noproxy', '127.0.0.1');
  const asked: string[] = [];
  const made = createServer((request, response) => {
    void buffer(request).then((bytes) => {
      asked.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes).toString() : bytes.toString());
      const isAudit = request.method === 'POST';
      response.writeHead(isAudit ? status : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isAudit ? body : {}));
    });
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${(made.address() as AddressInfo).port}/`, asked };
}

const advisory = { id: 1, url: 'https://example.org/1', title: 'a hole', severity: 'high', vulnerable_versions: '<99' };

test('what the registry knows is read, of the whole lock file at hand, whatever this machine is set to', async () => {
  vi.stubEnv('npm_config_offline', 'true');
  vi.stubEnv('npm_config_omit', 'dev');
  const { address, asked } = await registry(200, { mqtt: [{ ...advisory, cvss: { score: 7.5, vectorString: null } }] });
  const { subject, predicate } = await askRegistry(address);
  expect(subject).toEqual([{ name: 'package-lock.json', digest: { sha256: sha256OfFile(lockFile) } }]);
  expect(predicate.registry).toBe(address);
  const found = { name: 'mqtt', severity: 'high', nodes: ['node_modules/mqtt'] };
  expect(vulnerabilitiesIn(predicate.report)).toEqual([found]);
  expect(Object.keys(JSON.parse(asked[0] ?? '') as object)).toEqual(expect.arrayContaining(['mqtt', 'vitest']));
});

test('a registry that knows of nothing leaves a report without an entry', async () => {
  const { address } = await registry(200, {});
  const { predicate } = await askRegistry(address);
  expect(vulnerabilitiesIn(predicate.report)).toEqual([]);
});

test('a registry that does not audit leaves no report', async () => {
  const { address } = await registry(405, {});
  await expect(askRegistry(address)).rejects.toThrow(
    /wanted a report of npm audit, version 2, got 405 Method Not Allowed/,
  );
});
