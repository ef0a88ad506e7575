/** One webhook delivery. */
import { deliverySchema } from '../../contracts/http/deliveries.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { ListInfra } from '../query-infra.js';
import { deliveryBody } from './delivery-body.js';
import { ownDelivery } from './own-delivery.js';

export const getDelivery = (infra: ListInfra): Route => ({
  method: 'GET',
  path: '/webhooks/deliveries/{id}',
  summary: 'Read a webhook delivery',
  description: 'Whether it succeeded, waits for its next attempt, or was given up.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:read',
  replySchemas: { 200: deliverySchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const delivery = await ownDelivery(infra, request, caller);
    return delivery ? { status: 200, body: deliveryBody(delivery) } : new Refusal('NOT_FOUND');
  },
});
