/** An account as it was: its last event before the cut says what there was. */
import type { AccountEvent } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { QueryInfra } from '../query-infra.js';
import { lastBefore, type Cut } from './cut.js';

/** Undefined before the account's first event. */
export async function accountThen(
  { store }: Pick<QueryInfra, 'store'>,
  organizationId: OrganizationId,
  cut: Cut,
): Promise<RecordedEvent<AccountEvent> | undefined> {
  const last = await lastBefore(store, streamOf('account', organizationId), cut);
  return last as RecordedEvent<AccountEvent> | undefined;
}
