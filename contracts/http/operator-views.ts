/** What only operators read: tenants, projections, and what stands behind an execution. */
import {
  answerObject,
  id,
  money,
  orNull,
  pageFields,
  queryObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';

const position = withExample(text('Position in the log.'), '48213');
const count: Schema = { type: 'integer', minimum: 0 };

export const listedOrganizationSchema: Schema = answerObject('ListedOrganization', {
  id: id('org', 'The organization.'),
  name: withExample(text('For people.'), 'Acme'),
  created_at: timestamp('When it was created.'),
  available: money('Free to spend.'),
  held: money('Reserved.'),
  api_keys: { ...count, description: 'Keys that are not revoked.' },
});

export const projectionsQuery: Schema = queryObject({
  ...pageFields,
  'checksum?': {
    type: 'boolean',
    default: false,
    description: 'Also the checksum of the rows; reads every one of them.',
  },
});

export const projectionSchema: Schema = answerObject('Projection', {
  name: withExample(text('The projection.'), 'executions'),
  state: { type: 'string', enum: ['running', 'rebuilding', 'stopped'] },
  version: count,
  generation: { ...count, description: 'How many times a rebuild took its place.' },
  position: withExample(text('Everything up to this position of the log is in the rows.'), '48210'),
  head: withExample(text('Position of the last event of the log.'), '48213'),
  lag: withExample(text('Positions between the two.'), '3'),
  stopped: orNull(
    answerObject('Stopped', {
      at: timestamp('When it stopped.'),
      position: withExample(text('Position of the event that it cannot take.'), '48211'),
      error: withExample(text('Why.'), 'unknown type of event'),
    }),
  ),
  rebuild: answerObject('Rebuild', {
    requested: { type: 'boolean' },
    position: orNull(text('How far the one under way has come.')),
    error: orNull(text('Why the last one failed.')),
    under_way: orNull(
      answerObject('RebuildUnderWay', {
        started_at: timestamp('When it began.'),
        head: withExample(text('Where the log ended then.'), '48213'),
        events: { ...count, description: 'How many it has taken.' },
        percent: { type: 'number', minimum: 0, maximum: 100, description: 'Of the way to there.' },
        seconds_left: {
          type: ['integer', 'null'],
          minimum: 0,
          description:
            'An estimate, to `head`; what came since, the comparison and the swap come on top. ' +
            'Null before its first batch.',
        },
      }),
    ),
    last: orNull(
      answerObject('LastRebuild', {
        at: timestamp('When it was done.'),
        seconds: { type: 'number', minimum: 0, description: 'What it took.' },
        events: { ...count, description: 'How many it took.' },
        compared: orNull(
          answerObject('ComparedRebuild', {
            position: withExample(text('At which both were compared.'), '48210'),
            rows: withExample(text('How many rows it had there.'), '1200'),
            checksum: withExample(text('Of its rows there.'), '9f86d081884c7d65'),
            equal: { type: 'boolean', description: 'Whether the live rows were the same.' },
          }),
        ),
      }),
    ),
  }),
  'checksum?': answerObject('Checksum', {
    position: withExample(text('At which the rows stood.'), '48210'),
    rows: withExample(text('How many.'), '1200'),
    checksum: withExample(text('Equal for equal rows.'), '9f86d081884c7d65'),
  }),
});

export const rebuildRequestedSchema: Schema = answerObject('RebuildRequested', {
  name: withExample(text('The projection.'), 'executions'),
  rebuild_requested: { type: 'boolean' },
});

export const rebuildsRequestedSchema: Schema = answerObject('RebuildsRequested', {
  names: { type: 'array', items: withExample(text('A projection.'), 'executions') },
  rebuild_requested: { type: 'boolean' },
});

const lateAnswer = answerObject('LateAnswer', {
  at: timestamp('When it came: after the execution was over, or had gone on without it.'),
  outcome: { type: 'string', enum: ['succeeded', 'failed', 'unknown'] },
  provider_cost: orNull(money('What we owe the provider for it; nobody is charged.')),
  detail: orNull(text('What the provider said.')),
});

const attempt = answerObject('ProviderAttempt', {
  attempt: count,
  provider: withExample(text('Its slug.'), 'openai'),
  route: withExample(text('The route.'), 'gpt-at-openai'),
  dispatch_key: withExample(text('Under which the provider was called.'), 'd1-7b0a6c1e'),
  dispatched_at: timestamp('When it was claimed.'),
  deadline: timestamp('By when it had to end.'),
  candidates: { type: 'array', items: { type: 'object' }, description: 'The routing decision.' },
  outcome: { type: 'string', enum: ['open', 'succeeded', 'failed', 'unknown'] },
  ended_at: orNull(timestamp('When its outcome was recorded.')),
  provider_job_id: orNull(text("The provider's name of the job.")),
  code: orNull(text('Canonical code of the failure.')),
  detail: orNull(text('What the provider said, or why nobody knows.')),
  provider_cost: orNull(money('What we owe the provider.')),
  may_have_cost: orNull(money('What we owe it at most, where the outcome is unknown.')),
  callbacks: { type: 'integer', description: 'How many different callbacks the provider sent.' },
  late_answer: orNull(lateAnswer),
});

export const operatorExecutionSchema: Schema = answerObject('OperatorExecution', {
  execution: { type: 'object', description: 'As its owner sees it.' },
  organization_id: id('org', 'Whose it is.'),
  api_key_id: id('key', 'The key that submitted it.'),
  idempotency_key: withExample(text("The caller's key."), 'order-4711'),
  hold_id: id('hold', 'What funds it.'),
  webhook_url: orNull(text('Where it is told.')),
  catalogue_version: withExample(text('In force when it was accepted.'), '5f2b9c0d'),
  overrun: orNull(money('What its price is beyond the hold: not charged. Null until completed.')),
  may_have_cost_more: money(
    'What other attempts may have cost us, whose outcome is unknown: it may be paid in vain.',
  ),
  attempts: { type: 'array', items: attempt },
  events: {
    type: 'array',
    items: answerObject('RecordedEvent', {
      revision: count,
      position,
      type: withExample(text('The fact.'), 'ExecutionRequested'),
      at: timestamp('When it happened.'),
      actor: withExample(text('Who did it.'), 'operator'),
    }),
  },
});
