/** JSON Schemas of what a webhook carries, by type of event, and of the headers with it. */
import { batchSchema } from '../http/batches.js';
import { executionSchema } from '../http/execution.js';
import { fileSchema } from '../http/files.js';
import { answerObject, id, money, text, timestamp, type Schema } from '../http/parts.js';
import type { WebhookEventType } from '../events/delivery.js';

/** When each is sent. */
export const webhookMeanings: Readonly<Record<WebhookEventType, string>> = {
  'execution.started': 'An execution was dispatched for the first time',
  'execution.completed': 'An execution completed; its output can be read',
  'execution.failed': 'An execution failed, at no cost',
  'execution.cancelled': 'An execution was cancelled, at no cost',
  'execution.expired': 'An execution was not over in time, and ended at no cost',
  'batch.completed': 'Every execution of a batch is over, however each ended',
  'file.ready': 'A file can be read: it was confirmed, or an execution left it',
  'balance.low': 'What is available has fallen below the threshold of your organization',
  'webhook.test': 'You asked for a test of this endpoint',
};

const balanceLow: Schema = answerObject('BalanceLow', {
  available: money('Free to spend.', '4.800'),
  threshold: money('Below which you are told, once a crossing.', '5.000'),
});

const testData: Schema = answerObject('WebhookTest', {
  endpoint_id: id('we', 'The endpoint that is tested.'),
});

const dataOf: Readonly<Partial<Record<WebhookEventType, Schema>>> = {
  'batch.completed': batchSchema,
  'file.ready': fileSchema,
  'balance.low': balanceLow,
  'webhook.test': testData,
};

/** Only what happened to an execution has its id, and a number in its timeline. */
const ofExecution: Readonly<Record<string, Schema>> = {
  execution_id: id('exec', 'The execution.'),
  sequence: {
    type: 'integer',
    minimum: 1,
    description: 'The number of the event in the timeline of its execution, without gaps.',
  },
};

const feedSequence: Schema = {
  type: 'integer',
  minimum: 1,
  description:
    'The number of the event in the feed of your organization (`GET /v1/events`), without gaps. ' +
    'Absent where it was not known in time.',
  examples: [42],
};

export function webhookSchemaOf(type: WebhookEventType): Schema {
  const data = dataOf[type];
  return answerObject(titleOf(type), {
    id: id('evt', 'The event: the same over all retries and for all receivers.'),
    type: { type: 'string', const: type },
    event_type: { type: 'string', const: type, description: 'The same as `type`.' },
    version: { type: 'string', const: '1.0' },
    timestamp: timestamp('When it happened.'),
    organization_id: id('org', 'Whose it is.'),
    ...(data === undefined && ofExecution),
    'feed_sequence?': feedSequence,
    data: data ?? executionSchema,
  });
}

/** `execution.completed` → `ExecutionCompletedWebhook`. */
const titleOf = (type: string): string =>
  `${type.replaceAll(/(^|[._])([a-z])/g, (_, __, letter: string) => letter.toUpperCase())}Webhook`;

const seconds: Schema = { type: 'string', pattern: '^[0-9]{1,12}$', examples: ['1769860800'] };

export const webhookHeaders: Readonly<Record<string, Schema>> = {
  'webhook-id': id('evt', 'Standard Webhooks: the same as `id` of the body.'),
  'webhook-timestamp': { ...seconds, description: 'Seconds since 1970, when it was sent.' },
  'webhook-signature': {
    ...text(
      'Standard Webhooks 1.0.0: base64 HMAC-SHA256, keyed by the base64-decoded part after ' +
        '`whsec_`, over `{id}.{timestamp}.{body}`; several, parted by a space, while a secret is ' +
        'being rotated.',
    ),
    examples: ['v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4='],
  },
  'X-Signature-Timestamp': { ...seconds, description: 'The same as `webhook-timestamp`.' },
  'X-Signature': {
    ...text(
      'Hex HMAC-SHA256, keyed by the newest secret as text, over `{timestamp}.{raw body}`. While ' +
        'a secret is being rotated, `X-Signature-Previous` has the same by those before it.',
    ),
    pattern: '^[0-9a-f]{64}$',
    examples: ['2b1e5c0d'.repeat(8)],
  },
};
