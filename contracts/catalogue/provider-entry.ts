/** A provider in the catalogue file. */
import {
  accountsSchema,
  limitParts,
  type AccountEntry,
  type LimitsEntry,
} from './account-entry.js';
import { genericSchema, type GenericEntry } from './generic-entry.js';
import type { FileInput } from './catalogue.js';
import { closed, integer, text, variableName, type Part } from './schema-parts.js';

export interface ProviderEntry extends LimitsEntry {
  readonly adapter: string;
  readonly base_url: string;
  /** The base URL is where the API is: no version is added. */
  readonly base_url_as_it_is?: boolean;
  readonly credential_env?: string;
  readonly credential_file?: string;
  readonly auth?: { readonly header?: string; readonly scheme?: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly idempotency_header?: string;
  readonly unknown_statuses?: readonly number[];
  readonly answer_bytes_max?: number;
  readonly webhook_secret_env?: string;
  readonly webhook_keys_url?: string;
  readonly honours_idempotency_key?: boolean;
  readonly timeout_ms: number;
  readonly bulkhead: number;
  readonly breaker?: {
    readonly failures_to_open?: number;
    readonly successes_to_close?: number;
    readonly open_ms?: number;
    readonly half_open_probes?: number;
  };
  readonly poll?: PollEntry;
  readonly file_input?: FileInput;
  readonly generic?: GenericEntry;
  readonly accounts?: readonly AccountEntry[];
}

export interface PollEntry {
  readonly first_ms?: number;
  readonly every_ms?: number;
  readonly max_ms?: number;
}

const breaker = closed(
  {
    failures_to_open: integer(1, 1000, 'failures in a row'),
    successes_to_close: integer(1, 1000, 'successful probes'),
    open_ms: integer(10, 3_600_000, 'milliseconds'),
    half_open_probes: integer(1, 1000, 'probes at once'),
  },
  [],
);

const poll = closed(
  {
    first_ms: integer(10, 3_600_000, 'milliseconds'),
    every_ms: integer(10, 3_600_000, 'milliseconds'),
    max_ms: integer(10, 3_600_000, 'milliseconds'),
  },
  [],
);

const HEADER_NAME = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$";
/** Visible ASCII and blanks within: nothing that could end a header. */
const HEADER_VALUE = '^[\\x21-\\x7e]([\\x20-\\x7e]{0,4094}[\\x21-\\x7e])?$';

const headerName: Part = {
  type: 'string',
  pattern: HEADER_NAME,
  description: 'the name of a header',
};

const auth = closed(
  {
    header: headerName,
    scheme: {
      type: 'string',
      pattern: '^[A-Za-z0-9!#$%&*+.^_-]{0,32}$',
      description: 'the word before the credential, such as Bearer, Key or Token; empty for none',
    },
  },
  [],
);

const headers: Part = {
  type: 'object',
  propertyNames: headerName,
  additionalProperties: {
    type: 'string',
    pattern: HEADER_VALUE,
    description: 'the value of a header, in ASCII and of one line; ${NAME} stands for a variable',
  },
  maxProperties: 32,
  description: 'headers by name',
};

const query: Part = {
  type: 'object',
  propertyNames: { type: 'string', minLength: 1, maxLength: 64, description: 'a name' },
  additionalProperties: text(1024, 'a value, such as an api-version; ${NAME} is a variable'),
  maxProperties: 32,
  description: 'parameters by name',
};

export const providerSchema: Part = closed(
  {
    adapter: text(63, 'the name of a wire adapter'),
    base_url: text(2048, 'an http or https URL; ${NAME} stands for a variable'),
    base_url_as_it_is: {
      type: 'boolean',
      description: 'true where no /v1 is to be added to a base URL that names no version',
    },
    credential_file: text(1024, 'the path of a file that holds the credential'),
    auth,
    headers,
    query,
    idempotency_header: {
      ...headerName,
      description: "the name of the idempotency key's header, or none where no key is to be sent",
    },
    unknown_statuses: {
      type: 'array',
      items: integer(400, 599, 'a status'),
      maxItems: 32,
      description: 'statuses after which the work may be done all the same',
    },
    answer_bytes_max: integer(1_024, 536_870_912, 'bytes'),
    ...limitParts,
    accounts: accountsSchema,
    credential_env: variableName('the credential'),
    webhook_secret_env: variableName('the secret of its callbacks'),
    webhook_keys_url: text(2048, 'where the public keys of its callbacks are, an http(s) URL'),
    honours_idempotency_key: { type: 'boolean', description: 'true or false' },
    timeout_ms: integer(10, 3_600_000, 'milliseconds'),
    bulkhead: integer(1, 10_000, 'calls at once'),
    breaker,
    poll,
    file_input: {
      enum: ['url', 'base64', 'multipart', 'passthrough'],
      description: 'how it is given files: url, base64, multipart or passthrough',
    },
    generic: genericSchema,
  },
  ['adapter', 'base_url', 'timeout_ms', 'bulkhead'],
);
