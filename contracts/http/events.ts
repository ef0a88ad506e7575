/** The feed of an organization, as CloudEvents 1.0. */
import { feedTypes } from '../cloud-events/feed-types.js';
import { answerObject, queryObject, text, timestamp, withExample, type Schema } from './parts.js';

/** A reader is held for no longer. */
const WAIT_SECONDS_MAX = 60;

/** What a number in a feed looks like. */
const SEQUENCE_PATTERN = '^[0-9]{1,16}$';

const TYPES_LENGTH_MAX = 2_000;

const names = Object.keys(feedTypes);

export const eventsQuery: Schema = queryObject({
  'after?': {
    type: 'string',
    maxLength: 16,
    pattern: SEQUENCE_PATTERN,
    description:
      'The `sequence` of the last event that you have, zeros before it or not; 0, or nothing, ' +
      'for the beginning. A number that is not there yet is waited for.',
    examples: ['42'],
  },
  'cursor?': {
    type: 'string',
    maxLength: 16,
    pattern: SEQUENCE_PATTERN,
    description: '`next_cursor` of the page before, as lists take it; goes before `after`.',
    examples: ['42'],
  },
  'types?': {
    type: 'string',
    maxLength: TYPES_LENGTH_MAX,
    pattern: '^[a-z_.,]+$',
    description:
      'Only events of these types, with commas between. They keep their numbers, so that ' +
      'there are gaps where others were left out.',
    examples: ['execution.completed,execution.failed'],
  },
  'wait?': {
    type: 'integer',
    minimum: 0,
    maximum: WAIT_SECONDS_MAX,
    default: 0,
    description: 'Seconds that an answer without an event is held back, for one to happen.',
  },
  'limit?': {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    default: 100,
    description: 'At most so many; fewer where they are large.',
  },
});

const DATA_EXAMPLE = {
  hold_id: 'hold_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  execution_id: 'exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  charged: '0.040',
  returned: '0.008',
  balance: { available: '87.400', held: '0.600', total: '88.000' },
};

export const cloudEventSchema: Schema = answerObject('CloudEvent', {
  specversion: { type: 'string', const: '1.0' },
  id: withExample(
    text('The event: always the same, wherever it is read.'),
    'evt_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  ),
  source: withExample(
    text('Whose feed it is in; `id` is unique within it.'),
    'urn:modelroute:org_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  ),
  type: { type: 'string', enum: names, description: 'What happened.', examples: ['hold.settled'] },
  subject: withExample(
    text('The id of what it happened to.'),
    'exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  ),
  time: timestamp('When it happened.'),
  datacontenttype: { type: 'string', const: 'application/json' },
  sequence: withExample(
    {
      ...text('Its number in the feed, from 1 without a gap, with zeros before it: texts sort.'),
      pattern: '^[0-9]{16}$',
    },
    '0000000000000042',
  ),
  data: withExample({ type: 'object', description: 'By type: see the guide.' }, DATA_EXAMPLE),
});

export const cloudEventListSchema: Schema = answerObject('CloudEventList', {
  data: { type: 'array', items: cloudEventSchema, maxItems: 1000 },
  next_cursor: {
    type: ['string', 'null'],
    description: 'Give it as `after` to go on; null where there is nothing more now.',
    examples: ['42', null],
  },
});

export const cloudEventBatchSchema: Schema = {
  title: 'CloudEventBatch',
  type: 'array',
  items: cloudEventSchema,
  maxItems: 1000,
};
