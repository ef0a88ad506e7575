/**
 * The sources as JavaScript, for the processes that run specs: compiled once for all of them, and
 * again only where a source is newer. `hooks.mjs` has them loaded in the place of the sources.
 */
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { repositoryRoot } from '../../testing/child-process.js';
import { pathsBelow } from '../../testing/repository-files.js';

const COMPILED = join(repositoryRoot, 'node_modules/.cache/compiled');

export async function compileSources(): Promise<void> {
  const stale = pathsBelow().filter((path) => path.endsWith('.ts') && isStale(path));
  if (stale.length === 0) return;
  const began = new Date();
  const { outputFiles } = await build({
    absWorkingDir: repositoryRoot,
    entryPoints: stale,
    outdir: COMPILED,
    outbase: '.',
    write: false,
    bundle: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'warning',
  });
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
    // A source that changed meanwhile is newer.
    utimesSync(path, began, began);
  }
}

function isStale(path: string): boolean {
  const compiled = statSync(join(COMPILED, path.replace(/\.ts$/, '.js')), {
    throwIfNoEntry: false,
  });
  return !compiled || compiled.mtimeMs <= statSync(join(repositoryRoot, path)).mtimeMs;
}
