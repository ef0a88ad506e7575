/** A provider of the catalogue, from its entry in the file. */
import type { Poll, Provider } from '../../contracts/catalogue/catalogue.js';
import type { PollEntry, ProviderEntry } from '../../contracts/catalogue/provider-entry.js';
import { baseUrlOf, type Variables } from './catalogue-checks.js';

export function providerOf(slug: string, entry: ProviderEntry, variables: Variables): Provider {
  const { breaker = {}, poll = {}, credential_env: credentialEnv } = entry;
  return {
    slug,
    adapter: entry.adapter,
    baseUrl: baseUrlOf(entry.base_url, variables).replace(/\/+$/, ''),
    ...(credentialEnv !== undefined && { credentialEnv }),
    ...(entry.webhook_secret_env !== undefined && { webhookSecretEnv: entry.webhook_secret_env }),
    ...(entry.webhook_keys_url !== undefined && {
      webhookKeysUrl: baseUrlOf(entry.webhook_keys_url, variables),
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
    ...(entry.generic && { generic: entry.generic }),
  };
}

/** A pause that is named beyond the usual bounds moves the bound. */
function pollOf({
  first_ms: first = 1_000,
  every_ms: every = 1_000,
  max_ms: max,
}: PollEntry): Poll {
  return { firstMs: first, everyMs: every, maxMs: max ?? Math.max(every, 15_000) };
}
