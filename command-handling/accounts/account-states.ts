/**
 * The states of accounts, for those who ask and decide nothing. The first question reads the
 * account's newest snapshot, later ones only what was written since.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import type { EventStore } from '../../infra/event-store/port.js';
import type * as Account from '../../domain/account/account.js';
import { AccountStateCache } from './account-state-cache.js';

export interface AccountStates {
  /** As the log has it now, or later. It changes with the next question: use it at once. */
  read(organizationId: OrganizationId): Promise<Readonly<Account.State>>;
}

interface Kept {
  readonly cache: AccountStateCache;
  /** The reading that is under way, or was last. */
  reading: Promise<unknown>;
}

/** An account with many open holds takes megabytes. */
const ACCOUNTS_MAX = 16;

export function openAccountStates(options: {
  readonly store: EventStore;
  readonly onError: (error: unknown) => void;
}): AccountStates {
  const known = new Map<OrganizationId, Kept>();
  return {
    read(organizationId) {
      const kept = known.get(organizationId) ?? {
        cache: new AccountStateCache({ ...options, organizationId }),
        reading: Promise.resolve(),
      };
      known.delete(organizationId);
      known.set(organizationId, kept);
      if (known.size > ACCOUNTS_MAX) forgetFirst(known);
      const load = () => {
        kept.cache.invalidate();
        return kept.cache.load();
      };
      // One after another: two readings of one state would read the same events into it.
      const state = kept.reading.then(load, load);
      kept.reading = state;
      return state;
    },
  };
}

function forgetFirst(known: Map<OrganizationId, Kept>): void {
  for (const organizationId of known.keys()) {
    known.delete(organizationId);
    return;
  }
}
