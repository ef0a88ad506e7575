/** The accounts that this process writes to, each behind its own queue; idle ones are evicted. */
import type { OrganizationId } from '../../contracts/ids.js';
import { StoreOverloaded, type EventStore } from '../../infra/event-store/port.js';
import { AccountWriter } from './account-writer.js';
import type { AccountResult, QueuedCommand } from './decide-batch.js';
import type { AccountOwners } from '../account-owner/account-owners.js';

export interface Accounts {
  /** Throws `StoreOverloaded` past the bound, `StoreUnavailable` on an outage. */
  submit(organizationId: OrganizationId, queued: QueuedCommand): Promise<AccountResult>;
}

export interface AccountsOptions {
  readonly store: EventStore;
  /** For accounts to which other processes write as well. */
  readonly owners?: AccountOwners;
  /** Commands that may wait on one account, and on all of them together. */
  readonly queueMax?: number;
  readonly commandsMax?: number;
  /** Accounts kept in memory. */
  readonly accountsMax?: number;
  readonly onError: (error: unknown) => void;
}

export function openAccounts(options: AccountsOptions): Accounts {
  const { store, owners, onError, queueMax = 4096 } = options;
  const { commandsMax = 20_000, accountsMax = 20_000 } = options;
  let commands = 0;
  const writers = new Map<OrganizationId, AccountWriter>();
  const writerOf = (organizationId: OrganizationId): AccountWriter => {
    const known = writers.get(organizationId);
    if (known) writers.delete(organizationId);
    const writer = known ?? newWriter(organizationId);
    writers.set(organizationId, writer);
    if (writers.size > accountsMax) evictOldestIdle(writers);
    return writer;
  };
  const newWriter = (organizationId: OrganizationId) =>
    new AccountWriter({ store, owners, organizationId, queueMax, onError });
  const accounts: Accounts = {
    async submit(organizationId, queued) {
      if (commands >= commandsMax) throw new StoreOverloaded('too many commands wait');
      commands++;
      try {
        return await writerOf(organizationId).submit(queued);
      } finally {
        commands--;
      }
    },
  };
  owners?.onForwarded((organizationId, queued) => accounts.submit(organizationId, queued));
  return accounts;
}

/** The map is in order of last use; a busy writer is passed over, its state is needed. */
function evictOldestIdle(writers: Map<OrganizationId, AccountWriter>): void {
  for (const [organizationId, writer] of writers) {
    if (!writer.idle) continue;
    writers.delete(organizationId);
    return;
  }
}
