/** A provider that plays what a spec tells it to, and the adapter that calls it, anew for each. */
import { openProviders } from '../open-providers.js';
import type { ProviderCall, ProviderOutcome, Providers } from '../port.js';
import { providerAt } from './contract.js';
import { openStage, type Stage } from './stage.js';

interface AdapterStage {
  /** Of the spec that runs. */
  readonly stage: Stage;
  readonly call: (
    input: ProviderCall['input'],
    more?: Partial<ProviderCall>,
  ) => Promise<ProviderOutcome>;
}

/** Registers hooks: it is called in a `describe`. `usual` is what its calls have in common. */
export function adapterStage(
  adapter: string,
  usual: Pick<ProviderCall, 'providerModel' | 'modality'> & Partial<ProviderCall>,
): AdapterStage {
  let stage: Stage;
  let providers: Providers;

  beforeEach(async () => {
    stage = await openStage();
    providers = openProviders({ credentials: () => undefined });
  });

  afterEach(async () => {
    await providers.close();
    await stage.close();
  });

  return {
    get stage() {
      return stage;
    },
    call: (input, more = {}) =>
      providers.adapter(adapter).call({
        provider: providerAt(stage.url, adapter),
        input,
        dispatchKey: 'k',
        timeoutMs: 2_000,
        signal: new AbortController().signal,
        ...usual,
        ...more,
      }),
  };
}
