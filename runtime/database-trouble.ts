/** Errors of a database, or of the way to it, that an operator can cure, as one sentence. */
import pg from 'pg';
import { failureOf } from '../infra/event-store/postgres/failures.js';
import { StartError } from '../infra/start-error.js';

/** Away, busy, starting, full, a standby, not to be trusted: no defect of ours. */
export function isDatabaseTrouble(error: unknown): error is Error {
  if (error instanceof pg.DatabaseError) return failureOf(error) === 'outage';
  if (!(error instanceof Error) || error instanceof TypeError) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (code !== undefined && WAY.test(code)) || SAID.test(error.message);
}

/** Of sockets, names and certificates. */
const WAY = new RegExp(
  '^(?:ECONN|EHOST|ENET|ENOTFOUND|ETIMEDOUT|EPIPE|EAI_|ERR_TLS_|ERR_SSL_|CERT_|DEPTH_|' +
    'SELF_SIGNED_|UNABLE_TO_)',
);

/** What the client says itself, without a code. */
const SAID = /timeout|terminated|does not support SSL/i;

/** The password of the URL is not told. */
export function databaseTrouble(url: string, error: Error): StartError {
  const { host, pathname } = new URL(url);
  const { message, code = '' } = error as NodeJS.ErrnoException;
  const advice = ADVICE[code] ?? 'check DATABASE_URL and that the server runs';
  return new StartError(
    `The database ${host}${pathname} cannot be used (${message || code}): ${advice}.`,
    { cause: error },
  );
}

const ADVICE: Readonly<Record<string, string>> = {
  '25006': 'it is a standby, which takes no writes, so name the primary in DATABASE_URL',
  '53300': 'raise its max_connections, or end what holds them',
  '57P03': 'it is starting or stopping, so try again in a moment',
  '08P01':
    'a pooler must pass the parameter options on, and keep a session to one client ' +
    '(docs/distributed.md)',
};
