/**
 * What the MQTT client brings along and a router does not need, and what Node itself has, replaced while bundling.
 * In: esbuild's resolution of imports. Out: plugins that answer for the packages below with Node's own modules or with
 * a few bytes; each entry says what is lost. A transport that is not ours fails the build.
 */
import type { OnResolveResult, Plugin } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** CommonJS, as the packages that ask for it expect. */
const replacements: Readonly<Record<string, string>> = {
  // A copy of Node's streams for browsers, 91 KB.
  'readable-stream': `module.exports = require('node:stream');`,
  // Log lines that nobody can switch on here.
  debug: `module.exports = () => () => {};`,
  // Timers in a Web Worker; the driver asks for native ones.
  'worker-timers': `module.exports = {};`,
  // The order of use decides which topic alias is given up; the driver sends none. Brokers of MQTT 5 offer some, though,
  // and then the client makes the object.
  'lru-cache': `exports.LRUCache = class extends Map { constructor() { super(); } };`,
  // A list of Buffers that is read as one, so that nothing is copied; a message is of few chunks, and these are joined.
  bl: `class Joined {
    bytes = Buffer.alloc(0);
    get length() { return this.bytes.length; }
    append(chunk) { this.bytes = this.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]); return this; }
    consume(count) { this.bytes = count < this.length ? this.bytes.subarray(count) : Buffer.alloc(0); return this; }
    slice(from, to) { return this.bytes.subarray(from, to); }
    toString(encoding, from, to) { return this.bytes.toString(encoding, from, to); }
    readUInt8(at) { return this.bytes.readUInt8(at); }
    readUInt16BE(at) { return this.bytes.readUInt16BE(at); }
    readUInt32BE(at) { return this.bytes.readUInt32BE(at); }
  }
  module.exports = () => new Joined();`,
  // A copy of anything at all. A packet that is kept until it is acknowledged is made of text, numbers, lists, plain
  // objects and Buffers; structuredClone would turn these into Uint8Arrays.
  'rfdc/default': `const copy = (value) =>
    Array.isArray(value) ? value.map(copy)
    : Buffer.isBuffer(value) ? Buffer.from(value)
    : value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copy(each)]))
    : value;
  module.exports = copy;`,
};

/** Reached only when something imports `mqtt` itself instead of its client. */
const unwanted = /^(ws|socks|help-me|commist)$/;

const namespace = 'slim-mqtt';

export function slimMqtt(): Plugin {
  return {
    name: namespace,
    setup(build) {
      const names = Object.keys(replacements).join('|');
      build.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ path }) => ({ path, namespace }));
      build.onLoad({ filter: /.*/, namespace }, ({ path }) => ({ contents: replacements[path] ?? '', loader: 'js' }));
      build.onResolve({ filter: unwanted }, refuse);
      // The client asks its package.json for one string.
      build.onLoad({ filter: /[\\/]node_modules[\\/]mqtt[\\/]package\.json$/ }, async ({ path }) => {
        const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
        return { contents: JSON.stringify({ version }), loader: 'json' };
      });
    },
  };
}

function refuse({ path, importer }: { path: string; importer: string }): OnResolveResult {
  return { errors: [{ text: `wanted mqtt/lib/client alone in the bundle, got ${path} for ${importer}` }] };
}

const sources = fileURLToPath(new URL('../agent/src/', import.meta.url));
const [ed25519, hashes] = [`${sources}drivers/ed25519.ts`, `${sources}drivers/hashes.ts`];

/** Signatures and hashes that our own files ask for, and the hash of noble's Ed25519, which says which key is a key. */
export function nativeCrypto(): Plugin {
  return {
    name: 'native-crypto',
    setup(build) {
      build.onResolve({ filter: /^@noble\/curves\/ed25519\.js$/ }, ({ importer }) =>
        importer.startsWith(sources) && importer !== ed25519 ? { path: ed25519 } : undefined,
      );
      build.onResolve({ filter: /^@noble\/hashes\/(sha2|hmac)\.js$/ }, ({ importer }) =>
        importer.startsWith(sources) || /@noble[\\/]curves[\\/]ed25519\.js$/.test(importer)
          ? { path: hashes }
          : undefined,
      );
    },
  };
}
