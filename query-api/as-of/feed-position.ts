/** Where in the log an event of an organization's feed is. */
import type { OrganizationId } from '../../contracts/ids.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { amount } from '../../infra/read-store/table.js';
import { feedOwner } from '../../infra/read-store/tables/feed.js';
import { caughtUp } from '../caught-up.js';
import type { QueryInfra } from '../query-infra.js';

/** Undefined where the feed has no event of that number. Before the first is 0. */
export async function feedPosition(
  infra: Pick<QueryInfra, 'progress' | 'reads' | 'store'>,
  organizationId: OrganizationId,
  number: bigint,
): Promise<Position | undefined> {
  if (number === 0n) return START;
  await caughtUp(infra, 'feed');
  const [row] = await infra.reads.byKey({
    name: 'position in the log of an event of a feed',
    text: `
      SELECT position FROM readmodel.feed_events
      WHERE organization_id = $1 AND sequence = $2`,
    values: [feedOwner(organizationId), number],
  });
  return row && amount(row, 'position');
}
