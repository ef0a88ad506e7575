/** A provider of the catalogue, from its entry in the file. */
import type { Auth, Poll, Provider } from '../../contracts/catalogue/catalogue.js';
import type { PollEntry, ProviderEntry } from '../../contracts/catalogue/provider-entry.js';
import { accountsOf } from './accounts-of.js';
import { filledIn, type Variables } from './variables.js';

export function providerOf(slug: string, entry: ProviderEntry, variables: Variables): Provider {
  const { breaker = {}, poll = {}, credential_env: credentialEnv } = entry;
  const accounts = accountsOf(entry);
  return {
    slug,
    adapter: entry.adapter,
    baseUrl: filledIn(entry.base_url, variables).replace(/\/+$/, ''),
    ...(credentialEnv !== undefined && { credentialEnv }),
    ...wireOf(entry, variables),
    ...(entry.webhook_secret_env !== undefined && { webhookSecretEnv: entry.webhook_secret_env }),
    ...(entry.webhook_keys_url !== undefined && {
      webhookKeysUrl: filledIn(entry.webhook_keys_url, variables),
    }),
    honoursIdempotencyKey: entry.honours_idempotency_key ?? false,
    timeoutMs: entry.timeout_ms,
    bulkhead: entry.bulkhead,
    breaker: {
      failuresToOpen: breaker.failures_to_open ?? 5,
      successesToClose: breaker.successes_to_close ?? 2,
      openMs: breaker.open_ms ?? 10_000,
      halfOpenProbes: breaker.half_open_probes ?? 2,
    },
    poll: pollOf(poll),
    ...(entry.file_input && { fileInput: entry.file_input }),
    ...(accounts && { accounts }),
    ...(entry.generic && { generic: entry.generic }),
  };
}

/** How each call is sent and read, as far as the entry says. */
function wireOf(entry: ProviderEntry, variables: Variables): Partial<Provider> {
  const { credential_file: credentialFile, auth, headers, query } = entry;
  const { unknown_statuses: unknownStatuses, answer_bytes_max: answerBytesMax } = entry;
  const named = Object.entries(headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  return {
    ...(credentialFile !== undefined && { credentialFile }),
    ...(entry.base_url_as_it_is && { isBaseUrlWhole: true }),
    ...(auth && { auth: authOf(auth) }),
    ...(headers && { headers: filled(Object.fromEntries<string>(named), variables) }),
    ...(query && { query: filled(query, variables) }),
    ...(entry.idempotency_header && { idempotencyHeader: entry.idempotency_header.toLowerCase() }),
    ...(unknownStatuses && { unknownStatuses }),
    ...(answerBytesMax !== undefined && { answerBytesMax }),
  };
}

/** A header of one's own carries the bare credential. */
function authOf({ header = 'authorization', scheme }: NonNullable<ProviderEntry['auth']>): Auth {
  const name = header.toLowerCase();
  const word = scheme ?? (name === 'authorization' ? 'Bearer' : '');
  return word ? { header: name, scheme: word } : { header: name };
}

const filled = (values: Readonly<Record<string, string>>, variables: Variables) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, filledIn(value, variables)]),
  );

/** A pause that is named beyond the usual bounds moves the bound. */
function pollOf({
  first_ms: first = 1_000,
  every_ms: every = 1_000,
  max_ms: max,
}: PollEntry): Poll {
  return { firstMs: first, everyMs: every, maxMs: max ?? Math.max(every, 15_000) };
}
