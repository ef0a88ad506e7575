/** Loads what `compiled.ts` made of a source, under the URL of the source. */
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const ROOT = new URL('../../', import.meta.url).href;
const COMPILED = `${ROOT}node_modules/.cache/compiled/`;

const isSource = (url) =>
  url?.endsWith('.ts') && url.startsWith(ROOT) && !url.includes('/node_modules/');

export function resolve(specifier, context, next) {
  if (!specifier.endsWith('.js') || !specifier.startsWith('.') || !isSource(context.parentURL))
    return next(specifier, context);
  const { href } = new URL(`${specifier.slice(0, -3)}.ts`, context.parentURL);
  return { url: href, format: 'module', shortCircuit: true };
}

export async function load(url, context, next) {
  if (!isSource(url)) return next(url, context);
  const compiled = new URL(`${url.slice(ROOT.length, -3)}.js`, COMPILED);
  return { format: 'module', source: await readFile(compiled), shortCircuit: true };
}

if (isMainThread) {
  process.setSourceMapsEnabled(true);
  register(import.meta.url);
}
