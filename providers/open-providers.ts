/** Every wire adapter over one set of connections. */
import { openEndpoints } from './endpoints.js';
import { openaiChat } from './openai/chat.js';
import { openaiImages } from './openai/images.js';
import type { Wire } from './openai/call.js';
import type { ProviderAdapter, Providers } from './port.js';
import { sandboxJobs } from './sandbox-jobs/jobs.js';

interface ProvidersOptions {
  /** A credential by the name of its environment variable. */
  readonly credentials: (envName: string) => string | undefined;
}

export function openProviders({ credentials }: ProvidersOptions): Providers {
  const endpoints = openEndpoints();
  const wire: Wire = { endpoints, credential: credentials };
  const adapters = new Map<string, ProviderAdapter>([
    ['openai-chat', openaiChat(wire)],
    ['openai-images', openaiImages(wire)],
    ['sandbox-jobs', sandboxJobs(wire)],
  ]);
  return {
    adapter(name) {
      const adapter = adapters.get(name);
      if (!adapter) throw new Error(`there is no adapter '${name}'`);
      return adapter;
    },
    close: () => endpoints.close(),
  };
}
