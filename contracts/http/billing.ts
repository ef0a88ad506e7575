/** An organization's money, as its owner reads it. */
import { asOfField } from './as-of.js';
import {
  answerObject,
  id,
  money,
  listOf,
  orNull,
  pageFields,
  queryObject,
  text,
  timestamp,
  type Schema,
} from './parts.js';
import { createdRange, usageRange } from './ranges.js';

export const balanceSchema: Schema = answerObject('Balance', {
  available: money('Free to spend now.', '87.400'),
  held: money('Reserved for executions that are not over.', '0.600'),
  total: money('Both together.', '88.000'),
});

const ENTRY_TYPES = ['TOP_UP', 'HOLD', 'SETTLEMENT', 'RELEASE', 'ADJUSTMENT'];

const entryType: Schema = {
  type: 'string',
  enum: ENTRY_TYPES,
  description:
    'A settled hold gives two entries: `RELEASE` of the whole hold, `SETTLEMENT` of the charge.',
};

export const ledgerEntrySchema: Schema = answerObject('LedgerEntry', {
  id: { ...text('The entry; always the same.'), examples: ['entry_7b0a6c1e-52d4-5c0f-9d6a-3e1f'] },
  type: entryType,
  amount: money('Effect on what is available; all amounts add up to it.', '-0.048'),
  balance: money('What is available after the entry.', '87.400'),
  execution_id: orNull(id('exec', 'The execution that caused it.')),
  created_at: timestamp('When it happened.'),
});

export const ledgerQuery: Schema = queryObject({
  ...pageFields,
  'type?': { type: 'string', enum: ENTRY_TYPES, description: 'Only entries of this type.' },
  'execution_id?': id('exec', 'Only entries of this execution.'),
  ...createdRange,
  ...asOfField,
});

export const holdsQuery: Schema = queryObject({
  ...pageFields,
  'execution_id?': id('exec', 'Only holds of this execution.'),
  ...createdRange,
  ...asOfField,
});

export const holdSchema: Schema = answerObject('Hold', {
  id: id('hold', 'The hold.'),
  execution_id: id('exec', 'For which execution it is reserved.'),
  amount: money('How much is reserved.'),
  created_at: timestamp('When it was reserved.'),
});

/** `day`, `model`, `api_key` or `metadata.<key>`; two of them with a comma between. */
const GROUPING = '(day|model|(api_)?key|metadata\\..{1,64})';

export const usageQuery: Schema = queryObject({
  ...pageFields,
  ...usageRange,
  'group_by?': {
    type: 'string',
    maxLength: 160,
    pattern: `^${GROUPING}(,${GROUPING})?$`,
    default: 'day',
    description:
      'What the sums are for: `day`, `model`, `api_key`, `metadata.<key>`, or any two of them ' +
      'with a comma between.',
    examples: ['day,model', 'metadata.team'],
  },
});

const usageSums = {
  cost: money('What was charged.', '12.345'),
  count: { type: 'integer', minimum: 0, description: 'For how many executions.' },
};

const usageGroupSchema: Schema = {
  ...answerObject('UsageGroup', {
    'day?': {
      type: 'string',
      description: 'Grouped by `day`: the day in UTC on which it was charged.',
      examples: ['2026-01-31'],
    },
    'model?': orNull({ ...text('Grouped by `model`: the slug.'), examples: ['flux-1.1-pro'] }),
    'api_key_id?': orNull(id('key', 'Grouped by `api_key`: the key that submitted them.')),
    ...usageSums,
  }),
  patternProperties: {
    '^metadata\\.': {
      type: ['string', 'null'],
      description: 'Grouped by `metadata.<key>`: its value; null for executions without it.',
    },
  },
};

const usageList = listOf('Usage', usageGroupSchema);

export const usageSchema: Schema = {
  ...usageList,
  properties: {
    ...(usageList['properties'] as object),
    total: {
      type: 'object',
      description: 'Of the whole range, whatever the page.',
      properties: usageSums,
      required: ['cost', 'count'],
    },
  },
  required: ['data', 'next_cursor', 'total'],
};
