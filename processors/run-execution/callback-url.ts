/** Where a provider may call back about one attempt; a provider that cannot reach us is asked. */
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import { callbackTokenOf, type CalledAttempt } from '../../infra/callback-token.js';
import { isReachedFrom } from '../../runtime/addresses.js';
import type { Infra } from '../../runtime/infra.js';

type Given = Pick<Infra, 'addresses' | 'config' | 'providers' | 'secrets'>;

export function callbackUrlOf(
  infra: Given,
  provider: Provider,
  attempt: CalledAttempt,
): string | undefined {
  if (!callsBack(infra, provider)) return undefined;
  const token = callbackTokenOf(infra.secrets.callbackKey, attempt);
  return `${infra.addresses.publicUrl}/v1/callbacks/${token}`;
}

/** Whether the provider is given a URL and can reach it. */
export function callsBack(
  { addresses, config, providers }: Pick<Given, 'addresses' | 'config' | 'providers'>,
  provider: Provider,
): boolean {
  const adapter = providers.adapter(provider.adapter);
  if (!adapter.readCallback || adapter.callsBack?.(provider) === false) return false;
  // Where the command API is in another process, only configuration knows its address.
  if (config.publicUrl === undefined && !config.roles.has('command-api')) return false;
  return isReachedFrom(addresses, provider.baseUrl);
}

/**
 * A job may have been accepted though its acceptance is lost: then the provider calls back, unless
 * it may be asked again under its key, which finds the job sooner.
 */
export const mayCallBack = (infra: Parameters<typeof callsBack>[0], provider: Provider): boolean =>
  callsBack(infra, provider) && !provider.honoursIdempotencyKey;
