/** The accounts that we have at a provider, and what each may ask for, in the catalogue file. */
import { closed, integer, slug, text, variableName, type Part } from './schema-parts.js';

export interface LimitsEntry {
  readonly requests_per_minute?: number;
  /** Input and output together, as they are estimated before a call and counted after it. */
  readonly tokens_per_minute?: number;
}

export interface AccountEntry extends LimitsEntry {
  readonly name: string;
  readonly credential_env?: string;
  readonly credential_file?: string;
}

/** Limits of a provider that has one account. */
export const limitParts: Readonly<Record<keyof LimitsEntry, Part>> = {
  requests_per_minute: integer(1, 10_000_000, 'calls of all processes together'),
  tokens_per_minute: integer(1, 1_000_000_000, 'tokens of all processes together'),
};

export const accountsSchema: Part = {
  type: 'array',
  items: closed(
    {
      name: slug,
      credential_env: variableName('the credential'),
      credential_file: text(1024, 'the path of a file that holds the credential'),
      ...limitParts,
    },
    ['name'],
  ),
  minItems: 1,
  maxItems: 100,
  description: 'accounts, each with a name and a credential',
};
