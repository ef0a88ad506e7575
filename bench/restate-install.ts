/**
 * Restate is no dependency of ours: npm installs it into a folder of its own when a benchmark asks
 * for it, and no install script of its runs.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CellSkipped } from './cell.js';

export interface RestateProgram {
  readonly server: string;
  /** The module of the SDK for services. */
  readonly sdk: string;
  readonly version: string;
}

const SERVER = '1.7.12';
const SDK = '1.17.2';
/** Seen from bench/out/build/bench. */
const CACHE = fileURLToPath(new URL('../../../../node_modules/.cache/', import.meta.url));
const INSTALL_DEADLINE_MS = 300_000;

/** Skips the cell, with npm's own words, where it cannot be had. */
export async function installedRestate(): Promise<RestateProgram> {
  const folder = join(CACHE, `restate-${SERVER}-${SDK}`);
  const resolve = createRequire(join(folder, 'package.json')).resolve;
  const { platform, arch } = process;
  const find = () => ({
    server: resolve(`@restatedev/restate-server-${platform}-${arch}/bin/restate-server`),
    sdk: resolve('@restatedev/restate-sdk').replace(/\.cjs$/, '.js'),
    version: `server ${SERVER}, SDK ${SDK}`,
  });
  try {
    if (!existsSync(join(folder, 'node_modules'))) await install(folder);
    return find();
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new CellSkipped(`Restate cannot be installed: ${stderr?.trim() || message}`);
  }
}

async function install(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const packages = [`@restatedev/restate-server@${SERVER}`, `@restatedev/restate-sdk@${SDK}`];
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel', 'error'];
  await promisify(execFile)('npm', ['install', '--prefix', folder, ...quiet, ...packages], {
    cwd: folder,
    timeout: INSTALL_DEADLINE_MS,
  });
}
