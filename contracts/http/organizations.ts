/** The operator's bodies about organizations. */
import { TTL_DAYS_MAX } from '../events/file.js';
import {
  PAYLOAD_TTL_DAYS_MAX,
  STORAGE_BYTES_MAX,
  WAITING_EXECUTIONS_MAX,
  WEIGHT_MAX,
} from '../events/organization.js';
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

export interface CreateOrganizationBody {
  readonly name: string;
}

export const createOrganizationSchema: Schema = {
  ...requestObject('CreateOrganization', { name: text('For people.', 200) }),
  examples: [{ name: 'Acme' }],
};

export const organizationSchema: Schema = answerObject('Organization', {
  id: id('org', 'The organization.'),
  name: withExample(text('For people.'), 'Acme'),
  created_at: timestamp('When it was created.'),
  webhook_secret: {
    ...text('Signs the webhooks of `webhook_url`.'),
    examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  },
});

/** Null: as everybody's. What is absent stays as it is. */
export interface SetQuotasBody {
  readonly waiting_executions?: number | null;
  readonly storage_bytes?: number | null;
  readonly weight?: number | null;
  readonly file_ttl_days?: number | null;
  readonly payload_ttl_days?: number | null;
}

const quota = (description: string, maximum: number): Schema => ({
  type: 'integer',
  minimum: 1,
  maximum,
  description,
});

const quotaFields = {
  waiting_executions: quota(
    'Executions that are accepted and not over; one more is a 429.',
    WAITING_EXECUTIONS_MAX,
  ),
  storage_bytes: quota(
    'Bytes of inputs, outputs and files; a submission beyond them is a 402.',
    STORAGE_BYTES_MAX,
  ),
  weight: quota(
    'Its share where work of several organizations waits: twice the weight, twice the share.',
    WEIGHT_MAX,
  ),
  file_ttl_days: quota('Days that a file is kept which does not say so itself.', TTL_DAYS_MAX),
  payload_ttl_days: orNull(
    quota(
      'Days after which input and output of what is over are erased; null: never by this.',
      PAYLOAD_TTL_DAYS_MAX,
    ),
  ),
};

export const setQuotasSchema: Schema = {
  ...requestObject('SetQuotas', {
    'waiting_executions?': orNull(quotaFields.waiting_executions),
    'storage_bytes?': orNull(quotaFields.storage_bytes),
    'weight?': orNull(quotaFields.weight),
    'file_ttl_days?': orNull(quotaFields.file_ttl_days),
    'payload_ttl_days?': quotaFields.payload_ttl_days,
  }),
  description: 'Null: as everybody’s. What is absent stays as it is.',
  examples: [{ waiting_executions: 500_000, weight: 2 }],
};

export const quotasSchema: Schema = answerObject('Quotas', {
  organization_id: id('org', 'The organization.'),
  ...quotaFields,
});

const used = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

export const quotasInUseSchema: Schema = answerObject('QuotasInUse', {
  organization_id: id('org', 'The organization.'),
  ...quotaFields,
  used: answerObject('QuotasUsed', {
    waiting_executions: used('Executions that are not over.'),
    storage_bytes: used('Bytes that are stored.'),
  }),
});

export interface EraseOrganizationBody {
  readonly confirm: string;
  readonly reason: string;
  readonly force?: boolean;
}

export const eraseOrganizationSchema: Schema = {
  ...requestObject('EraseOrganization', {
    confirm: text('The organization’s id or its name once more: nobody undoes an erasure.', 200),
    reason: text('Why; it is recorded.', 500),
    'force?': {
      type: 'boolean',
      default: false,
      description: 'Also while executions of it are not over: these come to nothing.',
    },
  }),
  examples: [{ confirm: 'Acme', reason: 'the contract ended' }],
};

export const erasedOrganizationSchema: Schema = answerObject('ErasedOrganization', {
  organization_id: id('org', 'The organization.'),
  erased_at: timestamp('When the erasure was recorded.'),
});

export const dataKeyRenewedSchema: Schema = answerObject('DataKeyRenewed', {
  organization_id: id('org', 'The organization.'),
  version: { type: 'integer', minimum: 1, description: 'Of its keys, which one encrypts now.' },
});
