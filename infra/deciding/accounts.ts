/** The accounts that this process writes to, each behind its own queue; idle ones are forgotten. */
import type { OrganizationId } from '../../contracts/ids.js';
import type { EventStore } from '../event-store/port.js';
import { AccountWriter, type AccountResult, type Ticket } from './account-writer.js';

export interface Accounts {
  /** Throws `StoreOverloaded` past the bound, `StoreUnavailable` on an outage. */
  submit(organizationId: OrganizationId, ticket: Ticket): Promise<AccountResult>;
}

export interface AccountsOptions {
  readonly store: EventStore;
  /** Commands that may wait on one account. */
  readonly queueMax?: number;
  /** Accounts kept in memory. */
  readonly accountsMax?: number;
  readonly onError: (error: unknown) => void;
}

export function openAccounts(options: AccountsOptions): Accounts {
  const { store, onError, queueMax = 4096, accountsMax = 20_000 } = options;
  const writers = new Map<OrganizationId, AccountWriter>();
  const writerOf = (organizationId: OrganizationId): AccountWriter => {
    const known = writers.get(organizationId);
    if (known) writers.delete(organizationId);
    const writer = known ?? new AccountWriter({ store, organizationId, queueMax, onError });
    writers.set(organizationId, writer);
    if (writers.size > accountsMax) forgetOldestIdle(writers);
    return writer;
  };
  return {
    submit: async (organizationId, ticket) => writerOf(organizationId).submit(ticket),
  };
}

/** The map is in order of last use; a busy writer is passed over, its state is needed. */
function forgetOldestIdle(writers: Map<OrganizationId, AccountWriter>): void {
  for (const [organizationId, writer] of writers) {
    if (!writer.idle) continue;
    writers.delete(organizationId);
    return;
  }
}
