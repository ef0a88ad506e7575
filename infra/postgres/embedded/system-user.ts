import { StartError } from '../../start-error.js';
import { run, type RunAs } from './process.js';

/**
 * The user that PostgreSQL runs as when we are root, whom it refuses: the system's `postgres`, made
 * here where it is missing (by the tools of Debian and Red Hat, or by those of busybox).
 */
export async function systemUser(): Promise<RunAs> {
  const known = await lookUp();
  if (known) return known;
  const tried: string[] = [];
  for (const [program, ...args] of waysToCreate) {
    const { code, output } = await run(program, args);
    const made = await lookUp();
    if (made) return made;
    tried.push(`${program}: ${output.trim() || code}`);
  }
  throw new StartError(
    `PostgreSQL refuses to run as root and the system user ${name} could not be created ` +
      `(${tried.join('; ')}): start as an ordinary user, or set DATABASE_URL.`,
  );
}

const name = 'postgres';

const waysToCreate: readonly (readonly [string, ...string[]])[] = [
  ['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/bin/false', name],
  ['adduser', '-S', '-D', '-H', '-s', '/bin/false', name],
];

async function lookUp(): Promise<RunAs | undefined> {
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  if (uid.code !== 0 || gid.code !== 0) return undefined;
  return { uid: Number(uid.output), gid: Number(gid.output) };
}
