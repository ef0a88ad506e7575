/** The delivery that a request names, where it belongs to the caller. */
import { isId } from '../../contracts/ids.js';
import type { ApiRequest, Caller } from '../../http/server/route.js';
import { readDelivery, type DeliveryRow } from '../../infra/read-store/tables/deliveries.js';
import { caughtUp } from '../caught-up.js';
import type { ListInfra } from '../query-infra.js';

/** Undefined for a delivery of another tenant as for one that does not exist. */
export async function ownDelivery(
  infra: Pick<ListInfra, 'progress' | 'reads' | 'store'>,
  { params: { id = '' } }: ApiRequest,
  { organizationId }: Caller,
): Promise<DeliveryRow | undefined> {
  if (!isId('dlv', id)) return undefined;
  await caughtUp(infra, 'deliveries');
  const [row] = await infra.reads.rows(organizationId, {
    name: 'own delivery',
    text: 'SELECT * FROM readmodel.deliveries WHERE id = $1 AND organization_id = $2',
    values: [id, organizationId],
  });
  return row && readDelivery(row);
}
