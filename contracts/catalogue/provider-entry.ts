/** A provider in the catalogue file. */
import { genericSchema, type GenericEntry } from './generic-entry.js';
import type { FileInput } from './catalogue.js';
import { closed, integer, text, type Part } from './schema-parts.js';

export interface ProviderEntry {
  readonly adapter: string;
  readonly base_url: string;
  readonly credential_env?: string;
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

export const providerSchema: Part = closed(
  {
    adapter: text(63, 'the name of a wire adapter'),
    base_url: text(2048, 'an http or https URL; ${NAME} stands for a variable'),
    credential_env: {
      type: 'string',
      pattern: '^[A-Z][A-Z0-9_]{0,127}$',
      description: 'the NAME of the environment variable that holds the credential',
    },
    webhook_secret_env: {
      type: 'string',
      pattern: '^[A-Z][A-Z0-9_]{0,127}$',
      description: 'the NAME of the environment variable that holds the secret of its callbacks',
    },
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
