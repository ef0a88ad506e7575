/** What of the connection string each connection to a node is made with. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { optionsIn, type ConnectionString } from './connection-string.js';

export interface WireOptions {
  /** Undefined: without TLS. */
  readonly tls: TlsOptions | undefined;
  /** Of every call. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: the connection is not pinged. */
  readonly keepAliveMs: number | undefined;
  readonly keepAliveTimeoutMs: number;
}

interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const KEEP_ALIVE_MS = 10_000;
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Throws, saying what is wrong; reads the files that are named. */
export function wireOptionsOf(url: ConnectionString): WireOptions {
  const named = optionsIn(url);
  const isSecure = booleanIn(named, 'tls', true);
  const keepAliveMs = millisecondsIn(named, 'keepAliveInterval');
  return {
    tls: isSecure ? tlsOptionsIn(named) : undefined,
    headers: {
      'connection-name': named.get('connectionname') ?? randomUUID(),
      // Passwords are only sent over TLS.
      ...(isSecure && url.credentials !== '' && { authorization: basicOf(url.credentials) }),
    },
    keepAliveMs: keepAliveMs === 'never' ? undefined : keepAliveMs,
    keepAliveTimeoutMs: timeoutOf(millisecondsIn(named, 'keepAliveTimeout')),
  };
}

type Named = ReadonlyMap<string, string>;

function tlsOptionsIn(named: Named): TlsOptions {
  const files = { ca: 'tlsCAFile', cert: 'userCertFile', key: 'userKeyFile' };
  const read = Object.entries(files).flatMap(([option, name]) => {
    const path = named.get(name.toLowerCase());
    return path === undefined ? [] : [[option, fileAt(name, path)] as const];
  });
  const options: TlsOptions = Object.fromEntries(read);
  if ((options.cert === undefined) !== (options.key === undefined))
    throw new Error('userCertFile and userKeyFile: expected both or neither');
  return options;
}

function fileAt(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${name}: the file cannot be read`, { cause: error });
  }
}

/** `user:password`, each as in a URL. */
function basicOf(credentials: string): string {
  const [user = '', ...password] = credentials.replace(/@$/, '').split(':');
  const plain = [user, password.join(':')].map(decodeURIComponent).join(':');
  return `Basic ${Buffer.from(plain).toString('base64')}`;
}

function booleanIn(named: Named, name: string, otherwise: boolean): boolean {
  const value = named.get(name.toLowerCase()) ?? String(otherwise);
  if (value !== 'true' && value !== 'false') throw new Error(`${name}: expected true or false`);
  return value === 'true';
}

/** Below zero there is none. */
function millisecondsIn(named: Named, name: string): number | 'never' {
  const value = Number(named.get(name.toLowerCase()) ?? KEEP_ALIVE_MS);
  if (!Number.isInteger(value)) throw new Error(`${name}: expected milliseconds`);
  return value < 0 ? 'never' : Math.min(Math.max(value, 1), TIMER_MS_MAX);
}

const timeoutOf = (ms: number | 'never'): number => (ms === 'never' ? TIMER_MS_MAX : ms);
