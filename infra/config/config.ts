/** Configuration: the one place, with `main`, that reads the environment. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartError } from '../start-error.js';

export const ROLES = [
  'command-api',
  'query-api',
  'processors',
  'projectors',
  'relay',
  'sandbox',
] as const;

export type Role = (typeof ROLES)[number];

export interface Config {
  /** 0 picks a free one. */
  readonly port: number;
  readonly dataDir: string;
  readonly roles: ReadonlySet<Role>;
  readonly catalogueFile: string;
  readonly adminKey: string | undefined;
  /** CIDR list as text; checked where it is parsed. */
  readonly allowedNetworks: string;
  readonly demo: boolean;
  readonly databaseUrl: string | undefined;
  readonly postgresDir: string | undefined;
  /** The sandbox's own loopback port; 0 picks a free one. */
  readonly sandboxPort: number;
  /** Base URL of a sandbox in another process. */
  readonly sandboxUrl: string | undefined;
  /** From which webhook secrets are derived; generated into the data folder when absent. */
  readonly masterKey: string | undefined;
  readonly logLevel: string;
  /** A provider's credential by the name that the catalogue gives. */
  credential(name: string): string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function configFrom(env: Environment): Config {
  refuseUnbuilt(env);
  return {
    port: port(env, 'PORT', 8080),
    dataDir: resolve(env['MODELROUTE_DATA_DIR'] || './data'),
    roles: roles(env['MODELROUTE_ROLES'] || 'all'),
    catalogueFile: resolve(env['MODELROUTE_CATALOGUE'] || bundledCatalogue()),
    adminKey: secret(env, 'MODELROUTE_ADMIN_KEY', 16),
    allowedNetworks: env['MODELROUTE_ALLOW_PRIVATE_NETWORKS'] ?? '',
    demo: flag(env, 'MODELROUTE_DEMO', true),
    databaseUrl: databaseUrl(env['DATABASE_URL']),
    postgresDir: env['MODELROUTE_PG_DIR'] ? resolve(env['MODELROUTE_PG_DIR']) : undefined,
    sandboxPort: port(env, 'MODELROUTE_SANDBOX_PORT', 0),
    sandboxUrl: httpUrl(env, 'SANDBOX_URL'),
    masterKey: secret(env, 'MODELROUTE_MASTER_KEY', 32),
    logLevel: logLevel(env['MODELROUTE_LOG_LEVEL'] || 'info'),
    credential: (name) => env[name] || undefined,
  };
}

function roles(text: string): ReadonlySet<Role> {
  if (text.trim() === 'all') return new Set(ROLES);
  const names = text.split(',').map((name) => name.trim());
  for (const name of names)
    if (!(ROLES as readonly string[]).includes(name))
      throw new StartError(
        `MODELROUTE_ROLES names '${name}', which is no role: use 'all' or a comma list of ` +
          `${ROLES.join(', ')}.`,
      );
  return new Set(names as Role[]);
}

function port(env: Environment, name: string, fallback: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new StartError(`${name} is '${text}', which is no port: use a number from 0 to 65535.`);
}

function flag(env: Environment, name: string, fallback: boolean): boolean {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  if (text === '0' || text === '1') return text === '1';
  throw new StartError(`${name} is '${text}': use 0 or 1.`);
}

function secret(env: Environment, name: string, lengthMin: number): string | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(text) && text.length >= lengthMin) return text;
  throw new StartError(`${name} must be at least ${lengthMin} visible ASCII characters long.`);
}

function databaseUrl(text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new StartError(
    "DATABASE_URL is not a PostgreSQL address: use 'postgres://user@host/name'.",
  );
}

function httpUrl(env: Environment, name: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  throw new StartError(`${name} is '${text}', which is no http address.`);
}

function logLevel(text: string): string {
  if (['debug', 'info', 'warn', 'error', 'silent'].includes(text)) return text;
  throw new StartError(
    `MODELROUTE_LOG_LEVEL is '${text}': use debug, info, warn, error or silent.`,
  );
}

/** What later releases bring is refused by name, so that nobody believes it is in force. */
function refuseUnbuilt(env: Environment): void {
  for (const name of ['EVENTSTORE_URL', 'KAFKA_BROKERS', 'S3_ENDPOINT'])
    if (env[name])
      throw new StartError(
        `${name} is set, but this release keeps everything on one machine: unset it.`,
      );
}

/** Beside the package's root, whether this file runs as source or from `dist/`. */
function bundledCatalogue(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'catalogue.yaml')) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, 'catalogue.yaml');
}
