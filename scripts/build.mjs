/**
 * Builds `dist/`: every source file becomes the JavaScript file of the same path, and what is read
 * at run time beside it is copied. Types are checked by `make check`, not here, so that a start
 * takes a second.
 */
import { build } from 'esbuild';
import { cp, glob, mkdir, rm } from './files.mjs';

const rooms = [
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
];
/** Specs, and what only specs stand on. */
const isSpec = (path) => /\.spec\.ts$|(^|\/)testing\//.test(path);

await rm('dist');
const sources = (await glob(rooms, '.ts')).filter((path) => !isSpec(path));
await build({
  entryPoints: sources,
  outdir: 'dist',
  outbase: '.',
  bundle: false,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
});
for (const path of await glob(rooms, '.sql', '.html', '.css')) {
  const target = `dist/${path}`;
  await mkdir(target);
  await cp(path, target);
}
await cp(
  'node_modules/redoc/bundles/redoc.standalone.js',
  'dist/http/server/openapi/redoc.standalone.js',
);
for (const path of await glob(['docs/build', 'docs/audit'], '.md', '.py', '.go', '.mod', '.sum')) {
  await mkdir(`dist/${path}`);
  await cp(path, `dist/${path}`);
}
await cp('catalogue.yaml', 'dist/catalogue.yaml');
await cp('package.json', 'dist/package.json');
