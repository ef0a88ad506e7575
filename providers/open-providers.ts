/** Every wire adapter over one set of connections. */
import { openCredentials } from './credentials.js';
import { openEndpoints } from './endpoints.js';
import type { Providers } from './port.js';
import { adapterKinds } from './registry.js';
import type { Wire } from './vendor.js';

interface ProvidersOptions {
  /** A credential by the name of its environment variable. */
  readonly credentials: (envName: string) => string | undefined;
}

export function openProviders({ credentials }: ProvidersOptions): Providers {
  const endpoints = openEndpoints();
  const wire: Wire = {
    endpoints,
    credential: credentials,
    credentialOf: openCredentials(credentials),
  };
  const adapters = new Map([...adapterKinds].map(([name, kind]) => [name, kind.open(wire)]));
  return {
    adapter(name) {
      const adapter = adapters.get(name);
      if (!adapter) throw new Error(`there is no adapter '${name}'`);
      return adapter;
    },
    close: () => endpoints.close(),
  };
}
