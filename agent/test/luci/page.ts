/**
 * A view of luci-app in QuickJS, with the stand-in for LuCI's client side. In: answers of ubus by method. Out: the page as
 * HTML, and what was asked. QuickJS has no DOM, no clock and no network of its own: what a page shows is what it was told.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { getQuickJS, type QuickJSContext } from 'quickjs-emscripten';

export const resources = fileURLToPath(new URL('../../../luci-app/htdocs/luci-static/resources', import.meta.url));
const standin = fileURLToPath(new URL('../../../qemu-test/standin/luci/unit.ts', import.meta.url));

export function sources(): Record<string, string> {
  const entries = readdirSync(resources, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [relative(resources, path), readFileSync(path, 'utf8')]));
}

async function program(): Promise<string> {
  const result = await build({ entryPoints: [standin], bundle: true, write: false, format: 'iife', target: 'es2023' });
  return result.outputFiles[0]?.text ?? '';
}

export type Answers = Readonly<Record<string, unknown>>;
export const answer = (data: unknown): unknown => ({ result: [0, data] });

export interface Shown {
  html(): string;
  calls(): unknown;
  tick(answers: Answers): void;
  /** Evaluates with `it`, the instance that was taken. */
  evaluate(expression: string): unknown;
  dispose(): void;
}

/** QuickJS's own error has all of the machine with it, which a test that fails would try to print. */
function unwrapped<Value>(unwrap: () => Value): Value {
  try {
    return unwrap();
  } catch (error) {
    throw new Error(`QuickJS: ${(error as Error).message}`);
  }
}

function run(context: QuickJSContext, code: string): unknown {
  return unwrapped(() => {
    const value = context.unwrapResult(context.evalCode(code)).consume((handle) => context.dump(handle) as unknown);
    context.unwrapResult(context.runtime.executePendingJobs());
    return value;
  });
}

async function begin(answers: Answers, translations: Readonly<Record<string, string>>): Promise<QuickJSContext> {
  const context = (await getQuickJS()).newContext();
  run(context, await program());
  run(context, `start(${JSON.stringify({ files: sources(), answers, translations })})`);
  return context;
}

function of(context: QuickJSContext): Shown {
  const failure = run(context, 'luci.failure');
  if (failure !== '') throw new Error(String(failure));
  return {
    html: () => String(run(context, 'luci.html()')),
    calls: () => run(context, 'luci.calls'),
    tick: (answers) => void run(context, `luci.tick(${JSON.stringify(answers)})`),
    evaluate: (expression) => run(context, `((it) => ${expression})(luci.instance)`),
    dispose: () => context.dispose(),
  };
}

export async function showView(name: string, answers: Answers, translations = {}): Promise<Shown> {
  const context = await begin(answers, translations);
  run(context, `luci.show(${JSON.stringify(name)})`);
  return of(context);
}

export async function takeClass(name: string, translations = {}): Promise<Shown> {
  const context = await begin({}, translations);
  run(context, `luci.take(${JSON.stringify(name)})`);
  return of(context);
}
