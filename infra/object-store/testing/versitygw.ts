/**
 * A real S3 server for specs and for `make cluster`: versitygw over a folder, built with Go once
 * and kept in the cache.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { S3Config } from '../../config/config.js';
import { atEnd } from '../../../testing/at-end.js';
import { exitOf, startChild, type Child } from '../../../testing/child-process.js';
import { endWithUs } from '../../../testing/dead-man.js';
import { eventually } from '../../../testing/eventually.js';
import { freePort } from '../../../testing/free-port.js';
import { skipOutsideCi } from '../../../testing/skip.js';

export interface Versitygw {
  readonly endpoint: string;
  /** A folder per bucket. */
  readonly dir: string;
  readonly pid: number;
  /** A bucket in it, as our configuration has it. It is made by whoever opens it first. */
  readonly config: S3Config;
  /** The same as the environment of a process of ours. */
  readonly env: Readonly<Record<string, string>>;
  signal(name: NodeJS.Signals): void;
  /** kill -9, and waits until it is gone. */
  kill9(): Promise<void>;
  /** Starts the ended server again, on the same port and folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const VERSION = 'v1.8.0';
const PACKAGE = `github.com/versity/versitygw/cmd/versitygw@${VERSION}`;
const BUILD_DEADLINE_MS = 280_000;
const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 5_000;
const ACCESS_KEY = 'modelroute-access-key';
const SECRET_KEY = 'modelroute-secret-key';

/** The command line, for those who start and end it themselves. */
export interface VersitygwCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Answers 200 once it is up. */
  readonly health: string;
  readonly env: Versitygw['env'];
}

/** Throws where no server can be had, with a sentence that says why. */
export async function versitygwCommand(
  dir: string,
  port: number,
  versions?: string,
): Promise<VersitygwCommand> {
  const command = await versitygwProgram();
  await mkdir(dir, { recursive: true });
  if (versions !== undefined) await mkdir(versions, { recursive: true });
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    command,
    args: [
      '--port',
      `127.0.0.1:${port}`,
      '--access',
      ACCESS_KEY,
      '--secret',
      SECRET_KEY,
      '--quiet',
      '--keep-alive',
      '--health',
      '/health',
      'posix',
      ...(versions === undefined ? [] : ['--versioning-dir', versions]),
      dir,
    ],
    health: `${endpoint}/health`,
    env: {
      S3_ENDPOINT: endpoint,
      S3_BUCKET: 'modelroute',
      S3_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    },
  };
}

/** `versions`: a folder beside it, where buckets may keep versions and lock objects. */
export async function startVersitygw(dir: string, versions?: string): Promise<Versitygw> {
  const port = await freePort();
  const program = await versitygwCommand(dir, port, versions);
  const endpoint = `http://127.0.0.1:${port}`;
  let present = await run(program, dir);
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
  return {
    endpoint,
    dir,
    get pid() {
      return present.child.pid;
    },
    config: {
      endpoint,
      bucket: 'modelroute',
      region: 'us-east-1',
      credentials,
      publicEndpoint: undefined,
    },
    env: program.env,
    signal: (name) => void present.child.process.kill(name),
    kill9: () => present.end('SIGKILL'),
    async restart() {
      present = await run(program, dir);
    },
    stop: () => present.end('SIGTERM'),
  };
}

let shared: Promise<Versitygw | Reason> | undefined;

/**
 * The server that all suites share, ended when all specs are over. Where there is none the suite is
 * skipped and says why; in CI it fails.
 */
export function versitygwInSuite({ hasVersions = false } = {}): () => Versitygw {
  let server: Versitygw | undefined;
  before(async function () {
    this.timeout(BUILD_DEADLINE_MS + START_DEADLINE_MS);
    const got = await (hasVersions ? startIn('versions') : (shared ??= startIn()));
    if (!('reason' in got)) return void (server = got);
    skipOutsideCi(this, got.reason);
  });
  return () => {
    if (!server) throw new Error('The S3 server is started before the first spec.');
    return server;
  };
}

interface Reason {
  readonly reason: string;
}

async function startIn(versions?: string): Promise<Versitygw | Reason> {
  const dir = await mkdtemp(join(tmpdir(), 'modelroute-s3-'));
  atEnd(() => rm(dir, { recursive: true, force: true }));
  try {
    const folder = versions === undefined ? undefined : join(dir, versions);
    const server = await startVersitygw(join(dir, 'objects'), folder);
    atEnd(() => server.stop());
    return server;
  } catch (error) {
    return { reason: String(error instanceof Error ? error.message : error) };
  }
}

interface Present {
  readonly child: Child;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function run(program: VersitygwCommand, dir: string): Promise<Present> {
  const { command, args, health } = program;
  const child = startChild({ command, args, env: {}, cwd: dir });
  const endWatch = endWithUs(child.pid);
  const present: Present = {
    child,
    async end(signal) {
      child.process.kill(signal);
      await exitOf(child, STOP_DEADLINE_MS);
      endWatch();
    },
  };
  const isUp = async () => {
    const { exitCode, signalCode } = child.process;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`versitygw ended: ${child.lines.slice(-3).join(' ')}`);
    return fetch(health).then(
      ({ status }) => status === 200,
      () => false,
    );
  };
  try {
    await eventually('the S3 server to answer', isUp, START_DEADLINE_MS);
  } catch (error) {
    await present.end('SIGKILL');
    throw error;
  }
  return present;
}

/** Built beside its place and moved there, so that builders at the same time do not meet. */
async function versitygwProgram(): Promise<string> {
  const bin = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'modelroute', 'bin');
  const program = join(bin, `versitygw-${VERSION}`);
  if (existsSync(program)) return program;
  await mkdir(bin, { recursive: true });
  const built = await mkdtemp(join(bin, 'building-'));
  try {
    await promisify(execFile)('go', ['install', PACKAGE], {
      cwd: built,
      timeout: BUILD_DEADLINE_MS,
      env: { ...process.env, GOBIN: built },
    });
    await rename(join(built, 'versitygw'), program);
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    const why = code === 'ENOENT' ? 'Go is not installed' : stderr.trim().split('\n').at(-1);
    throw new Error(`no S3 server: versitygw is built with Go, and ${why || 'that failed'}`, {
      cause: error,
    });
  } finally {
    await rm(built, { recursive: true, force: true });
  }
  return program;
}
