/** The processes of ours: so many of each role, each with a folder of its own. */
import { mkdir, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../../infra/config/config.js';
import { repositoryRoot } from '../../testing/child-process.js';
import { programOf } from '../../testing/system.js';
import { keepAlive, type Part, type Surroundings } from './part.js';
import type { Setup } from './setup.js';

const COUNTS: Readonly<Record<Role, number>> = {
  'command-api': 2,
  'query-api': 2,
  processors: 3,
  projectors: 2,
  relay: 2,
  sandbox: 1,
};

export interface RolePart extends Part {
  readonly role: Role;
}

/** Drains take ten seconds at most; then it is ended. */
const STOP_MS = 12_000;
const READY = /"msg":"ModelRoute is ready on (http:\/\/[^"]+)"/;

/** Where processes without an S3 store meet: what lies here belongs to all of them. */
const SHARED_FOLDERS = ['files', 'payloads', 'sandbox'];

export async function startReplicas(
  setup: Setup,
  role: Role,
  env: Readonly<Record<string, string>>,
  around: Surroundings,
): Promise<readonly RolePart[]> {
  const count = COUNTS[role];
  const parts: RolePart[] = [];
  for (let n = 1; n <= count; n += 1) {
    const name = count === 1 ? role : `${role}-${n}`;
    parts.push(await startReplica(setup, name, role, env, around));
  }
  return parts;
}

async function startReplica(
  setup: Setup,
  name: string,
  role: Role,
  env: Readonly<Record<string, string>>,
  around: Surroundings,
): Promise<RolePart> {
  const folder = await ownFolder(setup, name);
  const part = keepAlive(
    {
      name,
      ...programOf({}, 'serve'),
      cwd: repositoryRoot,
      stopMs: STOP_MS,
      env: {
        ...setup.env,
        MODELROUTE_ROLES: role,
        MODELROUTE_DATA_DIR: folder,
        MODELROUTE_DEMO: '0',
        PORT: '0',
        ...env,
      },
      ready: { in: (line) => READY.exec(line)?.[1] },
    },
    around,
  );
  return Object.defineProperty(part, 'role', { value: role, enumerable: true }) as RolePart;
}

async function ownFolder({ config, folders }: Setup, name: string): Promise<string> {
  const folder = join(folders.replicas, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const shared of SHARED_FOLDERS) {
    await mkdir(join(config.dataDir, shared), { recursive: true, mode: 0o700 });
    const link = join(folder, shared);
    if (!existsSync(link)) await symlink(join(config.dataDir, shared), link);
  }
  return folder;
}
