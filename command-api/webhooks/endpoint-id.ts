/** The webhook endpoint that a request names, where it is the caller's. */
import { isId, type WebhookEndpointId } from '../../contracts/ids.js';
import { Refusal, type ApiRequest } from '../../http/server/route.js';

/** Throws a `Refusal` for what is no id; another tenant's is unknown among the caller's own. */
export function endpointIdIn({ params }: Pick<ApiRequest, 'params'>): WebhookEndpointId {
  const { id = '' } = params;
  if (isId('we', id)) return id as WebhookEndpointId;
  throw new Refusal('NOT_FOUND');
}
