/** Configuration: the one place, with `main`, that reads the environment. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  REQUESTS_PER_MINUTE_MAX,
  REQUEST_BURST_MAX,
  type RequestRate,
} from '../../contracts/events/organization.js';
import { networkText, openNetworks, type Networks } from '../networks/networks.js';
import { StartError } from '../start-error.js';
import { dataDirOf, type Environment } from './environment-file.js';

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
  /** Under which callers and providers reach us; that of the port on this machine unless given. */
  readonly publicUrl: string | undefined;
  /** Base of the links of files, where that is another one. */
  readonly filesUrl: string | undefined;
  readonly dataDir: string;
  readonly roles: ReadonlySet<Role>;
  readonly catalogueFile: string;
  readonly adminKey: string | undefined;
  /** Beside the admin key it opens `/metrics`, and nothing else. */
  readonly metricsKey: string | undefined;
  /** There `/metrics` is served on loopback without a key; 0 picks a free one. */
  readonly metricsPort: number | undefined;
  /** CIDR list as text; checked where it is parsed. */
  readonly allowedNetworks: string;
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: Networks | undefined;
  readonly demo: boolean;
  readonly databaseUrl: string | undefined;
  /** As the role that migrates; `databaseUrl` where it is not set. */
  readonly migrationsDatabaseUrl: string | undefined;
  readonly postgresDir: string | undefined;
  /** Events lie in EventStoreDB / KurrentDB there, instead of in PostgreSQL. */
  readonly eventStoreUrl: string | undefined;
  /** `host:port` each; delivery goes over Kafka, instead of in process. */
  readonly kafkaBrokers: readonly string[] | undefined;
  /** Files and large payloads lie there, instead of under the data folder. */
  readonly s3: S3Config | undefined;
  /** Callers may also post what they upload to the bucket itself. */
  readonly hasDirectUploads: boolean;
  /** The sandbox's own port; 0 picks a free one. */
  readonly sandboxPort: number;
  /** The name or address it listens on and calls itself by; loopback unless others reach it. */
  readonly sandboxHost: string;
  /** The name or address by which other processes of the system reach this one. */
  readonly internalHost: string | undefined;
  /** There other processes forward commands to this one; 0 picks a free one. */
  readonly internalPort: number;
  /** Base URL of a sandbox in another process. */
  readonly sandboxUrl: string | undefined;
  /** From which webhook secrets are derived; generated into the data folder when absent. */
  readonly masterKey: string | undefined;
  /** Signs checkpoints of the log; generated into the data folder when absent. */
  readonly checkpointKey: string | undefined;
  /** How often an organization may ask, unless an operator sets it. */
  readonly requestRate: RequestRate;
  /** A collector of traces is named; the SDK reads where it is, and how it wants them. */
  readonly traces: boolean;
  readonly logLevel: string;
  /** A provider's credential by the name that the catalogue gives. */
  credential(name: string): string | undefined;
}

export interface S3Config {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Without them the SDK looks where it always does: profile, container, instance. */
  readonly credentials: S3Credentials | undefined;
  /** Where callers reach the same store; with it downloads are redirected there. */
  readonly publicEndpoint: string | undefined;
}

interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that were lent for a while. */
  readonly sessionToken?: string;
}

export function configFrom(env: Environment): Config {
  const bucket = s3(env);
  return {
    port: port(env, 'PORT', 8080),
    publicUrl: baseUrl(env, 'MODELROUTE_PUBLIC_URL'),
    filesUrl: baseUrl(env, 'MODELROUTE_FILES_URL'),
    dataDir: dataDirOf(env),
    roles: roles(env['MODELROUTE_ROLES'] || 'all'),
    catalogueFile: resolve(env['MODELROUTE_CATALOGUE'] || bundledCatalogue()),
    adminKey: secret(env, 'MODELROUTE_ADMIN_KEY', 16),
    metricsKey: secret(env, 'MODELROUTE_METRICS_KEY', 16),
    metricsPort: env['MODELROUTE_METRICS_PORT']
      ? port(env, 'MODELROUTE_METRICS_PORT', 0)
      : undefined,
    allowedNetworks: env['MODELROUTE_ALLOW_PRIVATE_NETWORKS'] ?? '',
    trustedProxies: networks(env, 'MODELROUTE_TRUSTED_PROXIES'),
    demo: flag(env, 'MODELROUTE_DEMO', true),
    databaseUrl: databaseUrl(env, 'DATABASE_URL'),
    migrationsDatabaseUrl: migrationsDatabaseUrl(env),
    postgresDir: env['MODELROUTE_PG_DIR'] ? resolve(env['MODELROUTE_PG_DIR']) : undefined,
    eventStoreUrl: eventStoreUrl(env['EVENTSTORE_URL']),
    kafkaBrokers: kafkaBrokers(env['KAFKA_BROKERS']),
    s3: bucket,
    hasDirectUploads: directUploads(env, bucket),
    sandboxPort: port(env, 'MODELROUTE_SANDBOX_PORT', 0),
    sandboxHost: env['MODELROUTE_SANDBOX_HOST'] || '127.0.0.1',
    internalHost: env['MODELROUTE_INTERNAL_HOST'] || undefined,
    internalPort: port(env, 'MODELROUTE_INTERNAL_PORT', 0),
    sandboxUrl: httpUrl(env, 'SANDBOX_URL'),
    masterKey: secret(env, 'MODELROUTE_MASTER_KEY', 32),
    checkpointKey: secret(env, 'MODELROUTE_CHECKPOINT_KEY', 32),
    requestRate: {
      requestsPerMinute: count(env, 'MODELROUTE_RATE_LIMIT_PER_MINUTE', 600, {
        min: 0,
        max: REQUESTS_PER_MINUTE_MAX,
      }),
      requestBurst: count(env, 'MODELROUTE_RATE_LIMIT_BURST', 100, {
        min: 1,
        max: REQUEST_BURST_MAX,
      }),
    },
    traces: wantsTraces(env),
    logLevel: logLevel(env['MODELROUTE_LOG_LEVEL'] || 'info'),
    credential: (name) => env[name] || undefined,
  };
}

function networks(env: Environment, name: string): Networks | undefined {
  const texts = (env[name] ?? '').split(/[\s,]+/).filter((text) => text !== '');
  const wrong = texts.find((text) => networkText(text) === undefined);
  if (wrong !== undefined)
    throw new StartError(
      `${name} names '${wrong}', which is no network: use a comma list such as ` +
        '10.0.0.0/8,2001:db8::/32,127.0.0.1.',
    );
  return texts.length === 0 ? undefined : openNetworks(texts);
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

/** By OpenTelemetry's own variables. */
const wantsTraces = (env: Environment): boolean =>
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some((name) => env[name]) &&
  env['OTEL_SDK_DISABLED'] !== 'true' &&
  env['OTEL_TRACES_EXPORTER'] !== 'none';

function count(
  env: Environment,
  name: string,
  fallback: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new StartError(`${name} is '${text}': use a whole number from ${min} to ${max}.`);
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

function databaseUrl(env: Environment, name: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new StartError(`${name} is not a PostgreSQL address: use 'postgres://user@host/name'.`);
}

function migrationsDatabaseUrl(env: Environment): string | undefined {
  const url = databaseUrl(env, 'MODELROUTE_MIGRATIONS_DATABASE_URL');
  if (url === undefined || env['DATABASE_URL']) return url;
  throw new StartError(
    'MODELROUTE_MIGRATIONS_DATABASE_URL is set, but DATABASE_URL is not: set both, or neither.',
  );
}

function httpUrl(env: Environment, name: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  throw new StartError(`${name} is '${text}', which is no http address.`);
}

/** Others append a path to it, so it has nothing behind its own. */
function baseUrl(env: Environment, name: string): string | undefined {
  const text = httpUrl(env, name);
  if (text === undefined) return undefined;
  const { search, hash, username } = new URL(text);
  if (search === '' && hash === '' && username === '') return text;
  throw new StartError(`${name} is '${text}': leave out its user, its query and its fragment.`);
}

function logLevel(text: string): string {
  if (['debug', 'info', 'warn', 'error', 'silent'].includes(text)) return text;
  throw new StartError(
    `MODELROUTE_LOG_LEVEL is '${text}': use debug, info, warn, error or silent.`,
  );
}

const EVENTSTORE_SCHEMES = /^(esdb|eventstore|kurrent|kurrentdb)(\+discover)?:\/\/./;

function eventStoreUrl(text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (EVENTSTORE_SCHEMES.test(text)) return text;
  throw new StartError(
    "EVENTSTORE_URL is no EventStoreDB address: use 'esdb://host:2113?tls=true'.",
  );
}

function kafkaBrokers(text: string | undefined): readonly string[] | undefined {
  if (!text) return undefined;
  const brokers = text.split(',').map((broker) => broker.trim());
  for (const broker of brokers)
    if (!/^[^\s:/]+:\d{1,5}$/.test(broker) && !/^\[[0-9a-f:]+\]:\d{1,5}$/i.test(broker))
      throw new StartError(
        `KAFKA_BROKERS names '${broker}', which is no broker: use a comma list of host:port.`,
      );
  return brokers;
}

function s3(env: Environment): S3Config | undefined {
  const endpoint = httpUrl(env, 'S3_ENDPOINT');
  if (!endpoint) return undefined;
  const bucket = env['S3_BUCKET'];
  if (!bucket || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new StartError(
      `S3_BUCKET is '${bucket ?? ''}', which is no bucket's name: with S3_ENDPOINT it must be set.`,
    );
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId !== !secretAccessKey)
    throw new StartError('Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither.');
  const sessionToken = env['AWS_SESSION_TOKEN'];
  const session = sessionToken ? { sessionToken } : {};
  return {
    endpoint,
    bucket,
    region: env['S3_REGION'] || env['AWS_REGION'] || 'us-east-1',
    credentials:
      accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey, ...session } : undefined,
    publicEndpoint: httpUrl(env, 'S3_PUBLIC_ENDPOINT'),
  };
}

function directUploads(env: Environment, bucket: S3Config | undefined): boolean {
  const text = env['MODELROUTE_UPLOADS'] || 'own';
  if (text !== 'own' && text !== 'direct')
    throw new StartError(`MODELROUTE_UPLOADS is '${text}': use own or direct.`);
  if (text === 'direct' && bucket?.publicEndpoint === undefined)
    throw new StartError(
      "MODELROUTE_UPLOADS is 'direct', but callers have no bucket to post to: set S3_ENDPOINT " +
        "and S3_PUBLIC_ENDPOINT, or use 'own'.",
    );
  return text === 'direct';
}

/** Beside the package's root, whether this file runs as source or from `dist/`. */
function bundledCatalogue(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'catalogue.yaml')) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, 'catalogue.yaml');
}
