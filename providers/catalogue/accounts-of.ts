/** The accounts of a provider, from its entry in the file. */
import type { AccountEntry } from '../../contracts/catalogue/account-entry.js';
import type { Account } from '../../contracts/catalogue/catalogue.js';
import type { ProviderEntry } from '../../contracts/catalogue/provider-entry.js';

/** Undefined where there is one without limits: nobody has to keep count of it. */
export function accountsOf(entry: ProviderEntry): readonly Account[] | undefined {
  if (entry.accounts) return entry.accounts.map(accountOf);
  const own = accountOf({ ...entry, name: 'only' });
  return own.requestsPerMinute === undefined && own.tokensPerMinute === undefined
    ? undefined
    : [own];
}

function accountOf(entry: AccountEntry): Account {
  const { name, credential_env: credentialEnv, credential_file: credentialFile } = entry;
  const { requests_per_minute: requests, tokens_per_minute: tokens } = entry;
  return {
    name,
    ...(credentialEnv !== undefined && { credentialEnv }),
    ...(credentialFile !== undefined && { credentialFile }),
    ...(requests !== undefined && { requestsPerMinute: requests }),
    ...(tokens !== undefined && { tokensPerMinute: tokens }),
  };
}

export function accountProblems(place: string, entry: ProviderEntry): string[] {
  const { accounts = [], credential_env: env, credential_file: file } = entry;
  if (accounts.length === 0) return [];
  const limits = ['requests_per_minute', 'tokens_per_minute'] as const;
  const isTwice = (name: string, index: number) =>
    accounts.findIndex((account) => account.name === name) !== index;
  return [
    ...(env === undefined && file === undefined
      ? []
      : [`${place}: has both accounts and a credential of its own; each account has one`]),
    ...limits
      .filter((limit) => entry[limit] !== undefined)
      .map((limit) => `${place}.${limit}: with accounts, each of them has its limit`),
    ...accounts.flatMap(({ name, credential_env, credential_file }, index) => [
      ...(isTwice(name, index)
        ? [`${place}.accounts[${index}].name: '${name}' is there already`]
        : []),
      ...(credential_env !== undefined && credential_file !== undefined
        ? [`${place}.accounts[${index}]: has both credential_env and credential_file`]
        : []),
    ]),
  ];
}
