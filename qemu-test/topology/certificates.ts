// In: a folder. Out: a CA and a certificate for the broker there, made by openssl, valid for two days.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BrokerCertificates {
  readonly caFile: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function makeCertificates(folder: string, addresses: readonly string[]): BrokerCertificates {
  mkdirSync(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const openssl = (argv: readonly string[]): void => {
    execFileSync('openssl', [...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  openssl(['req', '-x509', ...key, '-subj', '/CN=lab CA', '-keyout', at('ca.key'), '-out', at('ca.pem')]);
  const names = addresses.map((address) => `IP:${address}`).join();
  const leaf = ['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE'];
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
  openssl([
    ...['req', '-x509', ...key, '-subj', '/CN=broker', ...leaf, ...signer],
    ...['-keyout', at('broker.key'), '-out', at('broker.pem')],
  ]);
  const read = (name: string): string => readFileSync(at(name), 'utf8');
  return { caFile: at('ca.pem'), ca: read('ca.pem'), cert: read('broker.pem'), key: read('broker.key') };
}
