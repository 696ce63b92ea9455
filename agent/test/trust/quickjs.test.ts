/** The pure rooms need nothing but the language: the same bytes give the same answers in an engine without Node. */
import { build } from 'esbuild';
import { newQuickJSWASMModule, type QuickJSContext } from 'quickjs-emscripten';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readVectors } from './make-vectors.ts';
import { runVector } from './run-vector.ts';

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('run-vector.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'suite',
    platform: 'neutral',
    target: 'es2022',
  });
  return outputFiles[0]?.text ?? '';
}

function evaluate(context: QuickJSContext, code: string): unknown {
  const handle = context.unwrapResult(context.evalCode(code));
  const value: unknown = context.dump(handle);
  handle.dispose();
  return value;
}

test('every vector has the same outcome, word for word, inside QuickJS', async () => {
  const vectors = readVectors();
  const context = (await newQuickJSWASMModule()).newContext();
  evaluate(context, `${await bundled()}; globalThis.suite = suite;`);
  expect(evaluate(context, 'typeof process + typeof Buffer + typeof TextDecoder + typeof setTimeout')).toBe(
    'undefined'.repeat(4),
  );
  for (const vector of vectors) {
    const code = `JSON.stringify(suite.runVector(${JSON.stringify(vector)}))`;
    expect(JSON.parse(String(evaluate(context, code))), vector.what).toEqual(runVector(vector));
  }
  context.dispose();
}, 120_000);
