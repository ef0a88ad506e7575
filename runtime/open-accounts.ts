/** Accounts, and in processes that share them the internal listener for forwarded commands. */
import { hostname } from 'node:os';
import {
  openAccountOwners,
  type AccountOwners,
} from '../command-handling/account-owner/account-owners.js';
import { openAccounts, type Accounts } from '../command-handling/accounts/accounts.js';
import type { Config, Role } from '../infra/config/config.js';
import type { EventStore } from '../infra/event-store/port.js';
import type { Log } from '../infra/logger.js';
import type { Metrics } from '../infra/metrics.js';
import { StartError } from '../infra/start-error.js';

interface SharedAccountsOptions {
  readonly config: Config;
  readonly store: EventStore;
  readonly databaseUrl: string;
  /** Signs what processes of the system send to one another. */
  readonly key: string;
  readonly instance: string;
  /** No other process writes to these accounts. */
  readonly sole: boolean;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface SharedAccounts {
  readonly accounts: Accounts;
  close(): Promise<void>;
}

/** Throws `StartError` when the configured internal address cannot be had. */
export async function openSharedAccounts(options: SharedAccountsOptions): Promise<SharedAccounts> {
  const { store, log, sole } = options;
  const onError = (err: unknown) => log.warn({ err }, 'a snapshot could not be written');
  const owners = sole ? undefined : await ownersFor(options);
  if (!owners) return { accounts: openAccounts({ store, onError }), close: async () => undefined };
  return { accounts: openAccounts({ store, onError, owners }), close: () => owners.close() };
}

const WRITING: readonly Role[] = ['command-api', 'processors'];

/** Undefined in a process that writes to no account, or has no address that others could know. */
async function ownersFor(options: SharedAccountsOptions): Promise<AccountOwners | undefined> {
  const { config, databaseUrl: url, key, instance, log, metrics } = options;
  if (!WRITING.some((role) => config.roles.has(role))) return undefined;
  const host = config.internalHost ?? (isLoopback(new URL(url).hostname) ? LOOPBACK : hostname());
  const port = config.internalPort;
  try {
    return await openAccountOwners({ url, log, metrics, instance, key, host, port });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!ADDRESS_CODES.includes(code)) throw error;
    const trouble =
      `The internal listener cannot listen on ${host}:${port} (${code}): set ` +
      'MODELROUTE_INTERNAL_HOST to a name or address of this machine by which the other ' +
      'processes reach it, and MODELROUTE_INTERNAL_PORT to a free port (0 picks one).';
    if (config.internalHost !== undefined || port !== 0) throw new StartError(trouble);
    log.warn(trouble);
    return undefined;
  }
}

const LOOPBACK = '127.0.0.1';

/** Beside a database on this machine, the other processes are taken to be on it, too. */
const isLoopback = (host: string): boolean =>
  host === '' || host === 'localhost' || host === '[::1]' || host.startsWith('127.');

const ADDRESS_CODES = ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'];
