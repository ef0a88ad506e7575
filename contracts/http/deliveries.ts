/** Bodies about webhook deliveries, the attempts at them, and sending them again. */
import { ENDPOINT_EVENTS } from '../webhooks/body.js';
import {
  answerObject,
  id,
  listOf,
  orNull,
  pageFields,
  queryObject,
  requestObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';
import { createdRange, moment } from './ranges.js';

const status: Schema = {
  type: 'string',
  enum: ['WAITING', 'SUCCEEDED', 'EXHAUSTED'],
  description: '`WAITING` for an attempt, `SUCCEEDED` by an answer of 2xx, `EXHAUSTED`: given up.',
};
const eventType: Schema = {
  type: 'string',
  enum: [...ENDPOINT_EVENTS, 'webhook.test'],
  description: 'The type of the event.',
};

export const deliveriesQuery: Schema = queryObject({
  ...pageFields,
  'endpoint_id?': id('we', 'Only those to this endpoint.'),
  'execution_id?': id('exec', 'Only those of events of this execution.'),
  'status?': status,
  'event_type?': eventType,
  ...createdRange,
});

const attempts: Schema = { type: 'integer', minimum: 0, description: 'Made so far.' };

export const deliverySchema: Schema = answerObject('Delivery', {
  id: id('dlv', 'The delivery: one event to one receiver.'),
  event_id: id('evt', 'The event, `id` of the body: the same for all receivers.'),
  event_type: eventType,
  endpoint_id: orNull(id('we', 'Where it goes; null: to the `webhook_url` of its execution.')),
  execution_id: orNull(id('exec', 'The execution; null where the event is not of one.')),
  sequence: orNull({ type: 'integer', minimum: 1, description: "In its execution's timeline." }),
  url: withExample(text('Where it went when it was scheduled.'), 'https://receiver.example/hook'),
  status,
  cause: orNull({
    ...text(
      'Why it was given up: `attempts` (six), `age` (24 hours), `gone` (410), `refused` (an ' +
        'address that is not called), `endpoint_inactive`, `endpoint_deleted`.',
    ),
  }),
  attempts,
  last_status: orNull({ type: 'integer', description: 'What the last attempt was answered.' }),
  created_at: timestamp('When it was scheduled.'),
  next_attempt_at: orNull(timestamp('When it is sent again.')),
  finished_at: orNull(timestamp('When it succeeded or was given up.')),
});

export const deliveryListSchema: Schema = listOf('DeliveryList', deliverySchema);

export const attemptsQuery: Schema = queryObject(pageFields);

export const attemptListSchema: Schema = listOf(
  'DeliveryAttemptList',
  answerObject('DeliveryAttempt', {
    attempt: { type: 'integer', minimum: 1, description: 'From 1, over all rounds.' },
    succeeded: { type: 'boolean', description: 'Whether 2xx was answered.' },
    status: orNull({ type: 'integer', description: 'What was answered; null: nothing was.' }),
    reason: orNull(text('Why it failed.')),
    latency_ms: { type: 'integer', minimum: 0, description: 'How long it took.' },
    answer: orNull(text('The first 256 characters of the answer, where they came at once.')),
    at: timestamp('When it ended.'),
  }),
);

export const redeliverySchema: Schema = answerObject('Redelivery', {
  id: id('dlv', 'The delivery.'),
  event_id: id('evt', 'The same as before.'),
  status: { type: 'string', enum: ['WAITING'] },
  attempts,
  next_attempt_at: timestamp('It is sent then, or as soon as its receiver has room.'),
});

export interface RecoverEndpointBody {
  readonly since: string;
}

export const recoverEndpointSchema: Schema = {
  ...requestObject('RecoverEndpoint', {
    since: moment('Of what was scheduled at or after this moment; at most seven days ago.'),
  }),
  examples: [{ since: '2026-01-31T12:00:00Z' }],
};

export const recoverySchema: Schema = answerObject('Recovery', {
  recovery_id: withExample(text('Names this recovery.'), '7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44'),
  endpoint_id: id('we', 'The endpoint.'),
  status: { type: 'string', enum: ['RUNNING'] },
  since: timestamp('From then on.'),
  until: timestamp('Up to then.'),
});
