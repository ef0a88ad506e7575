/** Bodies about webhook endpoints and the secrets that sign. */
import type { WebhookEventType } from '../events/delivery.js';
import { ENDPOINT_EVENTS } from '../webhooks/body.js';
import {
  answerObject,
  id,
  idempotencyKey,
  listOf,
  orNull,
  requestObject,
  text,
  timestamp,
  type Schema,
} from './parts.js';

interface EndpointFields {
  readonly description?: string | null;
  readonly events?: readonly WebhookEventType[];
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly is_active?: boolean;
}

export interface CreateEndpointBody extends EndpointFields {
  readonly url: string;
  readonly idempotency_key?: string;
}

export interface ChangeEndpointBody extends EndpointFields {
  readonly url?: string;
}

const HEADERS_MAX = 20;
/** Of all names and values of one endpoint's headers. */
export const HEADERS_LENGTH_MAX = 4_096;
const HEADER_NAME_LENGTH_MAX = 64;
const HEADER_VALUE_LENGTH_MAX = 1_024;

const url: Schema = {
  ...text('Public, `https`, port 443 or 8443, without user name or password.', 2_048),
  examples: ['https://receiver.example/hook'],
};
const events: Schema = {
  type: 'array',
  items: { type: 'string', enum: ENDPOINT_EVENTS },
  uniqueItems: true,
  maxItems: ENDPOINT_EVENTS.length,
  description: 'What it is sent. Empty: started, completed, failed and cancelled executions.',
};
const headers: Schema = {
  type: 'object',
  maxProperties: HEADERS_MAX,
  /** RFC 9110: a token. */
  propertyNames: {
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    maxLength: HEADER_NAME_LENGTH_MAX,
  },
  additionalProperties: {
    type: 'string',
    maxLength: HEADER_VALUE_LENGTH_MAX,
    pattern: '^([!-~]([\\t -~]*[!-~])?)?$',
  },
  description:
    `Sent with every delivery; at most ${HEADERS_LENGTH_MAX} characters in all. Names that the ` +
    'system or the connection sets itself are refused. In answers, values of names that look ' +
    'like a credential are `***`; sent back like that, they stay as they are.',
  examples: [{ Authorization: 'Bearer receiver-token', 'X-Environment': 'production' }],
};
const isActive: Schema = {
  type: 'boolean',
  description: 'Whether it is sent anything. Set to true, it begins anew, whatever stopped it.',
};
const description = text('For people.', 500);

export const createEndpointSchema: Schema = {
  ...requestObject('CreateWebhookEndpoint', {
    url,
    'description?': orNull(description),
    'events?': events,
    'headers?': orNull(headers),
    'is_active?': { ...isActive, default: true },
    'idempotency_key?': idempotencyKey,
  }),
  examples: [{ url: 'https://receiver.example/hook', events: ['execution.completed'] }],
};

export const changeEndpointSchema: Schema = {
  ...requestObject('ChangeWebhookEndpoint', {
    'url?': url,
    'description?': orNull(description),
    'events?': events,
    'headers?': orNull(headers),
    'is_active?': isActive,
  }),
  examples: [{ is_active: true }],
};

const DISABLED_REASONS = ['organization', 'operator', 'gone', 'exhausted', 'failing'];

const endpointFields: Record<string, Schema> = {
  id: id('we', 'The endpoint.'),
  url,
  description: orNull(description),
  events,
  headers,
  is_active: isActive,
  disabled_reason: {
    enum: [...DISABLED_REASONS, null],
    description:
      'Why it is inactive: its organization or an operator wanted it so, it answered `410` ' +
      '(gone), its last ten deliveries were given up (exhausted), or every attempt of 24 hours ' +
      'failed (failing). Null while it is active.',
  },
  disabled_at: orNull(timestamp('Since when it is inactive.')),
  previous_secret_valid_until: orNull(
    timestamp('Until when the secret before the present one signs too; null when it does not.'),
  ),
  created_at: timestamp('When it was created.'),
  updated_at: timestamp('When it was last changed.'),
};

const healthFields: Record<string, Schema> = {
  failure_count: {
    type: 'integer',
    minimum: 0,
    description: 'Attempts that failed since the last success.',
  },
  last_success: orNull(timestamp('When it last answered 2xx.')),
};

const secret: Schema = {
  ...text('The secret that signs what it is sent. It is shown this once.'),
  maxLength: 100,
  pattern: '^whsec_[A-Za-z0-9+/]+=*$',
  examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='],
};

export const endpointSchema: Schema = answerObject('WebhookEndpoint', {
  ...endpointFields,
  ...healthFields,
});

export const endpointListSchema: Schema = listOf('WebhookEndpointList', endpointSchema);

export const changedEndpointSchema: Schema = answerObject('ChangedWebhookEndpoint', endpointFields);

export const createdEndpointSchema: Schema = answerObject('CreatedWebhookEndpoint', {
  ...endpointFields,
  ...healthFields,
  secret,
});

const rotatedFields: Record<string, Schema> = {
  secret,
  previous_secret_valid_until: timestamp('Until when the secret before it signs beside it.'),
};

export const rotatedEndpointSecretSchema: Schema = answerObject('RotatedWebhookEndpointSecret', {
  id: id('we', 'The endpoint.'),
  ...rotatedFields,
});

export const rotatedSigningSecretSchema: Schema = answerObject(
  'RotatedSigningSecret',
  rotatedFields,
);

export const testedEndpointSchema: Schema = answerObject('TestedWebhookEndpoint', {
  endpoint_id: id('we', 'The endpoint.'),
  delivery_id: id('dlv', 'The delivery of the test event.'),
  event_id: id('evt', 'The test event; `id` of its body.'),
});
