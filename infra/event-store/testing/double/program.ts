/** The double as one file of JavaScript, which starts in half the time that its sources take. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { repositoryRoot } from '../../../../testing/child-process.js';

/** Below the packages that it imports, and named by its content: it is written once. */
const CACHE = join(repositoryRoot, 'node_modules', '.cache', 'eventstoredb-double');

let built: string | undefined;

/** Its path; what this process built first is what it restarts, whatever becomes of the sources. */
export function doubleProgram(): string {
  return (built ??= build());
}

function build(): string {
  const { outputFiles } = buildSync({
    // The benchmarks are compiled, and this file with them.
    entryPoints: [join(import.meta.dirname, `main${extname(import.meta.filename)}`)],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const code = outputFiles[0]?.text ?? '';
  const path = join(CACHE, `${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const own = `${path}.${process.pid}`;
  writeFileSync(own, code);
  renameSync(own, path);
  return path;
}
