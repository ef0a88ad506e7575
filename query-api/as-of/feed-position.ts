/** Where in the log an event of an organization's feed is. */
import type { OrganizationId } from '../../contracts/ids.js';
import type { Position } from '../../infra/event-store/port.js';
import type { QueryInfra } from '../query-infra.js';

/** Undefined where the feed has no event of that number. */
export function feedPosition(
  _infra: Pick<QueryInfra, 'progress' | 'reads' | 'store'>,
  _organizationId: OrganizationId,
  _number: bigint,
): Promise<Position | undefined> {
  return Promise.resolve(undefined);
}
