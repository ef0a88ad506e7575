/** Creates an organization. With an idempotency key a repeat finds the same one. */
import { randomUUID } from 'node:crypto';
import {
  createOrganizationSchema,
  organizationSchema,
  type CreateOrganizationBody,
} from '../../contracts/http/organizations.js';
import { idempotencyHeader } from '../../contracts/http/parts.js';
import { derivedUuid, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { ApiRequest, Refusal, Reply, Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { idempotencyKeyIn } from '../executions/idempotency-key.js';
import { refused } from '../refusals.js';

export const postOrganizations = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations',
  summary: 'Create an organization',
  description:
    'A tenant with an account of its own, empty, and with a secret that signs its webhooks.',
  tag: 'Organizations',
  audience: 'operator',
  bodySchema: createOrganizationSchema,
  headers: {
    'Idempotency-Key': idempotencyHeader(
      'A repeat under the same key answers the same organization.',
    ),
  },
  replyHeaders: ['Idempotency-Replayed'],
  replySchemas: { 201: organizationSchema },
  refusals: ['IDEMPOTENCY_MISMATCH'],
  handle: (request) => handle(commands, request),
});

async function handle(
  { organizations, store, secrets, now }: Commands,
  request: ApiRequest,
): Promise<Reply | Refusal> {
  const { name } = request.body as CreateOrganizationBody;
  const key = idempotencyKeyIn(request, undefined);
  const uuid = key === undefined ? randomUUID() : derivedUuid(`organization/${key}`);
  const organizationId: OrganizationId = `org_${uuid}`;
  const at = new Date(now()).toISOString();
  const command = { type: 'Create', organizationId, name, at } as const;
  const metadata = operatorMetadata(request, organizationId);
  const created = await organizations.transact(organizationId, command, metadata);
  if (created.outcome === 'rejected') return refused(created.reason);
  const replayed = created.outcome === 'alreadyDone';
  const [first] = replayed
    ? await store.readStream(streamOf('organization', organizationId), { limit: 1 })
    : [];
  return {
    status: 201,
    ...(replayed && { headers: { 'idempotency-replayed': 'true' } }),
    body: {
      id: organizationId,
      name,
      created_at: first?.data.at ?? at,
      webhook_secret: secrets.webhookSecret(organizationId),
    },
    logFields: { organizationId },
  };
}
