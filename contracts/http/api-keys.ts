/** Bodies about API keys, of tenants and of operators. */
import type { Promises } from '../catalogue/capabilities.js';
import { PERMISSIONS, type Permission } from '../events/api-key.js';
import {
  answerObject,
  id,
  orNull,
  requestObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';
import { modelSlug } from './path-parameters.js';
import { requirementsSchema } from './requirements.js';

/** Null: nothing binds the key. */
interface LimitsBody {
  readonly expires_at?: string | null;
  readonly ip_allow_list?: readonly string[] | null;
  readonly allowed_models?: readonly string[] | null;
  readonly require?: Promises | null;
}

export interface CreateApiKeyBody extends LimitsBody {
  readonly name: string;
  readonly permission?: Permission;
}

/** What is absent stays as it is. */
export interface ChangeApiKeyBody extends LimitsBody {
  readonly name?: string;
}

/** Of networks, and of models. */
const LIMIT_ITEMS_MAX = 100;

const permission: Schema = {
  type: 'string',
  enum: PERMISSIONS,
  description:
    'What the key may do: `FULL` all, `DEVELOPER` all but keys, guards and settings, ' +
    '`EXECUTION_ONLY` executions and files, `BILLING` money, `AUDITOR` all reads.',
};

const name = text('For people.', 200);

const ipAllowList: Schema = {
  type: 'array',
  items: text('An address or a network: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`.', 64),
  minItems: 1,
  maxItems: LIMIT_ITEMS_MAX,
  description: 'From where the key may be used; from everywhere unless given.',
  examples: [['203.0.113.0/24', '2001:db8::/32']],
};

const allowedModels: Schema = {
  type: 'array',
  items: modelSlug('Slug of a model in `GET /v1/models`.'),
  minItems: 1,
  maxItems: LIMIT_ITEMS_MAX,
  uniqueItems: true,
  description: 'The models that may be run with the key; all unless given.',
};

const require: Schema = orNull({
  ...requirementsSchema,
  title: 'KeyRequirements',
  description: 'Required of every execution that is submitted with the key, beside its own.',
});

const limitsAsked = {
  'expires_at?': orNull(text('ISO 8601 moment from which the key is refused.', 64)),
  'ip_allow_list?': orNull(ipAllowList),
  'allowed_models?': orNull(allowedModels),
  'require?': require,
};

export const createApiKeySchema: Schema = {
  ...requestObject('CreateApiKey', {
    name,
    'permission?': { ...permission, default: 'FULL' },
    ...limitsAsked,
  }),
  description: 'A limit that is absent is that of the key that asks; of an operator there is none.',
  examples: [{ name: 'production', permission: 'EXECUTION_ONLY' }],
};

export const changeApiKeySchema: Schema = {
  ...requestObject('ChangeApiKey', { 'name?': name, ...limitsAsked }),
  description: 'Null takes a limit away. What is absent stays as it is.',
  examples: [{ ip_allow_list: ['203.0.113.0/24'], require: null }],
};

const keyFields = {
  id: id('key', 'The key, for managing it; it stays when the key is rotated.'),
  name: withExample(text('For people.'), 'production'),
  permission,
  created_at: timestamp('When it was created.'),
  expires_at: orNull(timestamp('From when it is refused.')),
  ip_allow_list: orNull({ ...ipAllowList, description: 'From where it may be used.' }),
  allowed_models: orNull({ ...allowedModels, description: 'What may be run with it.' }),
  require,
};

const keyText: Schema = {
  ...text('The key itself; shown this once.'),
  examples: [`sk_${'3f'.repeat(32)}_5d0c1a2b`],
};

export const createdApiKeySchema: Schema = answerObject('CreatedApiKey', {
  ...keyFields,
  key: keyText,
});

export const changedApiKeySchema: Schema = answerObject('ChangedApiKey', keyFields);

export const apiKeySchema: Schema = answerObject('ApiKey', {
  ...keyFields,
  hint: withExample(text('Last four characters.'), '1a2b'),
  status: { type: 'string', enum: ['active', 'expired'] },
  last_used_at: orNull(timestamp('When it was last used, to a minute.')),
  rotated_at: orNull(timestamp('When it was last rotated.')),
  previous_key_valid_until: orNull(timestamp('Until when the key before it is let in.')),
});

export const rotatedApiKeySchema: Schema = answerObject('RotatedApiKey', {
  id: id('key', 'The key; its id stays.'),
  new_key: keyText,
  previous_key_valid_until: timestamp('Until when the key before it is let in, an hour from now.'),
});
