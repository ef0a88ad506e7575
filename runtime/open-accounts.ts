/** Accounts, and in processes that share them the internal listener for forwarded commands. */
import { hostname } from 'node:os';
import {
  openAccountOwners,
  type AccountOwners,
} from '../command-handling/account-owner/account-owners.js';
import { isLoopback } from '../command-handling/account-owner/internal-listener.js';
import {
  openAccountStates,
  type AccountStates,
} from '../command-handling/accounts/account-states.js';
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
  readonly given: { readonly accounts: Accounts; readonly accountStates: AccountStates };
  close(): Promise<void>;
}

/** Throws `StartError` when the port of the internal listener cannot be had. */
export async function openSharedAccounts(options: SharedAccountsOptions): Promise<SharedAccounts> {
  const { store, log } = options;
  const onError = (err: unknown) => log.warn({ err }, 'a snapshot could not be written');
  const owners = await ownersFor(options);
  const accountStates = openAccountStates({ store, onError });
  const accounts = openAccounts({ store, onError, ...(owners && { owners }) });
  return { given: { accounts, accountStates }, close: async () => owners?.close() };
}

const WRITING: readonly Role[] = ['command-api', 'processors'];

/** Undefined in a process that shares accounts with no other, or writes to none. */
async function ownersFor(options: SharedAccountsOptions): Promise<AccountOwners | undefined> {
  const { config, databaseUrl: url, key, instance, sole, log, metrics } = options;
  if (sole || !WRITING.some((role) => config.roles.has(role))) return undefined;
  const host = config.internalHost ?? defaultHost(url);
  const port = config.internalPort;
  try {
    return await openAccountOwners({ url, log, metrics, instance, key, host, port });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    throw new StartError(
      `Port ${port} for requests from other processes cannot be had (${code}): set ` +
        'MODELROUTE_INTERNAL_PORT to another one (0 picks a free one).',
    );
  }
}

/** Beside a database on this machine, the other processes are taken to be on it, too. */
function defaultHost(databaseUrl: string): string {
  const { hostname: database } = new URL(databaseUrl);
  const isHere = database === '' || database === '[::1]' || isLoopback(database);
  return isHere ? '127.0.0.1' : hostname();
}
