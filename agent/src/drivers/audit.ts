/**
 * The audit log's folder on flash: a file a segment, named by the seq of its first line, and `head`. In: batches. Out:
 * what is there. The folder stays when the router leaves its network.
 */
import type { AuditStore } from '../control/ports.ts';
import type { AuditBatch } from '../trust/audit-chain.ts';
import type { AuditFiles } from '../trust/audit-verify.ts';
import { maxAuditSegmentBytes, maxEnvelopeBytes } from '../trust/limits.ts';
import { nodeFiles, type Files } from './files.ts';

class AuditFolder implements AuditStore {
  readonly #folder: string;
  readonly #files: Files;
  #writes = 0;

  constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
  }

  #names(): readonly string[] {
    const names = this.#files.list(this.#folder).filter((name) => /^[1-9][0-9]{0,15}$/.test(name));
    return [...names].sort((left, right) => Number(left) - Number(right));
  }

  /** A file that somebody has made large costs no more memory than one that is a byte too large. */
  #read(name: string, maxBytes: number): Uint8Array | undefined {
    return this.#files.read(`${this.#folder}/${name}`)?.slice(0, maxBytes + 1);
  }

  read(): AuditFiles {
    const segments = this.#names().map((name) => ({
      name,
      bytes: this.#read(name, maxAuditSegmentBytes) ?? new Uint8Array(),
    }));
    return { segments, head: this.#read('head', maxEnvelopeBytes) };
  }

  #setHead(bytes: Uint8Array): void {
    const path = `${this.#folder}/head`;
    this.#files.writeSynced(`${path}.new`, bytes);
    this.#files.rename(`${path}.new`, path);
    this.#files.syncFolder(this.#folder);
  }

  write({ firstHead, segment, atBytes, bytes, head, keep }: AuditBatch): void {
    this.#files.makeFolder(this.#folder);
    if (firstHead !== undefined) this.#setHead(firstHead);
    this.#files.extendSynced(`${this.#folder}/${segment}`, atBytes, bytes);
    // The head record must not be there before what it names.
    if (atBytes === 0) this.#files.syncFolder(this.#folder);
    this.#setHead(head);
    for (const name of this.#names()) if (!keep.includes(name)) this.#files.remove(`${this.#folder}/${name}`);
    this.#writes += 1;
  }

  writes(): number {
    return this.#writes;
  }
}

export function openAudit(folder: string, files: Files = nodeFiles): AuditStore {
  return new AuditFolder(folder, files);
}
