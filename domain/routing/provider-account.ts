/** A provider as it is called with one of its accounts. */
import type { Provider } from '../../contracts/catalogue/catalogue.js';

/** As it is, where the catalogue no longer has the account. */
export function withAccount(provider: Provider, name: string | undefined): Provider {
  const account = provider.accounts?.find((one) => one.name === name);
  if (!account) return provider;
  const { credentialEnv: _, credentialFile: __, ...others } = provider;
  const { credentialEnv, credentialFile } = account;
  return {
    ...others,
    ...(credentialEnv !== undefined && { credentialEnv }),
    ...(credentialFile !== undefined && { credentialFile }),
  };
}
