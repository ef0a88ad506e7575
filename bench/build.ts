/**
 * Compiles the sources as they are now into bench/out/build, with the settings of `make build` and
 * the benchmarks beside, so that what is measured is what is shipped: never a stale build, never a
 * loader's wrappers in hot code.
 */
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as esbuild } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = [
  'contracts',
  'domain',
  'infra',
  'http',
  'command-handling',
  'providers',
  'runtime',
  'command-api',
  'query-api',
  'processors',
  'projectors',
  'sandbox',
  'audit',
  'cli',
  'testing',
  'test',
  'bench',
];
const BESIDE = ['package.json', 'catalogue.yaml'];
/** Served as they are. */
const GUIDES = join('docs', 'build');
const OUT = join('bench', 'out');

/** Answers with the folder that holds the compiled rooms. */
export async function build(): Promise<string> {
  const out = join(ROOT, OUT, 'build');
  await rm(out, { recursive: true, force: true });
  const files = (await Promise.all(ROOMS.map(filesOf))).flat();
  await esbuild({
    entryPoints: files.filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts')),
    absWorkingDir: ROOT,
    outdir: out,
    outbase: '.',
    bundle: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  const guides = await filesOf(GUIDES);
  for (const path of [...files.filter(isAsset), ...guides, ...BESIDE]) {
    await mkdir(dirname(join(out, path)), { recursive: true });
    await copyFile(join(ROOT, path), join(out, path));
  }
  return out;
}

const isAsset = (path: string): boolean => /\.(sql|html|css)$/.test(path);

async function filesOf(room: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, room), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .filter((path) => !path.startsWith(OUT));
}
