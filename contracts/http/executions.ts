/** Lists of executions, and what stands behind one: its result and its timeline. */
import { STATUSES } from './execution.js';
import {
  answerObject,
  id,
  money,
  pageFields,
  queryObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';
import { modelSlug } from './path-parameters.js';
import { createdRange } from './ranges.js';

/** As many keys as an execution's metadata may have. */
export const METADATA_FILTERS_MAX = 16;

/** `metadata[<key>]=<value>`, up to that many of them; all must match. */
export const METADATA_PARAMETER = /^metadata\[(.{1,64})\]$/s;

const ANY_STATUS = `(${STATUSES.join('|')})`;

/** Up to seven of them with commas between; written out, as a repeated choice has no bound. */
const SOME_STATUSES = `^${ANY_STATUS}${`(,${ANY_STATUS})?`.repeat(6)}$`;

export const executionsQuery: Schema = {
  ...queryObject({
    ...pageFields,
    'status?': {
      type: 'string',
      maxLength: 80,
      pattern: SOME_STATUSES,
      description: 'Only those in this status, or in one of several with commas between.',
      examples: ['COMPLETED', 'FAILED,EXPIRED'],
    },
    'model?': modelSlug('Only those of this model slug.'),
    'api_key_id?': id('key', 'Only those that this key submitted.'),
    'batch_id?': id('batch', 'Only those of this batch.'),
    ...createdRange,
    'order?': {
      type: 'string',
      enum: ['desc', 'asc'],
      default: 'desc',
      description: 'By the time of acceptance: the newest first, or the oldest.',
    },
    'metadata[key]?': withExample(
      text('Only those whose metadata has this value under `key`.', 512),
      '4711',
    ),
  }),
  maxProperties: METADATA_FILTERS_MAX + 9,
  patternProperties: { '^metadata\\[.{1,64}\\]$': { type: 'string', maxLength: 512 } },
};

const OUTPUT_EXAMPLE = {
  text: 'Silver ribbons wind',
  finish_reason: 'stop',
  usage: { input_tokens: 8, cached_input_tokens: 0, output_tokens: 5, reasoning_tokens: 0 },
};

export const resultSchema: Schema = answerObject('Result', {
  execution_id: id('exec', 'The execution.'),
  status: { type: 'string', enum: ['COMPLETED'] },
  output: withExample(
    { type: 'object', description: "Canonical output: the model's `output_schema`." },
    OUTPUT_EXAMPLE,
  ),
  cost: money('What was charged.', '0.040'),
  latency_ms: { type: 'integer', minimum: 0, description: 'From accepted to completed.' },
});

export const timelineEntrySchema: Schema = answerObject('TimelineEntry', {
  sequence: { type: 'integer', minimum: 1, description: 'From 1, without a gap.' },
  type: { ...text('What happened.'), examples: ['execution.started'] },
  status: { type: 'string', enum: [...STATUSES], description: 'The status from then on.' },
  at: timestamp('When it happened.'),
  'model_used?': text('Of a completion, with `fallback_models`: the model that ran it.'),
});
