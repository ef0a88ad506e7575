/** What the schema cannot say about how a provider's calls are sent. */
import type { ProviderEntry } from '../../contracts/catalogue/provider-entry.js';
import { filledIn, missingVariables, type Variables } from './variables.js';

/** Names that frame a call or that are set for each call; nobody else may say them. */
const OWN_HEADERS = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-dispatch-key',
]);

const ONE_LINE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

export function wireProblems(place: string, entry: ProviderEntry, variables: Variables): string[] {
  const { auth, headers = {}, query = {}, credential_env, credential_file } = entry;
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const authHeader = (auth?.header ?? 'authorization').toLowerCase();
  const keyHeader = (entry.idempotency_header ?? 'idempotency-key').toLowerCase();
  return [
    ...(credential_env !== undefined && credential_file !== undefined
      ? [`${place}: has both credential_env and credential_file; one of them is enough`]
      : []),
    ...ownHeaderProblems(`${place}.auth.header`, [authHeader]),
    ...ownHeaderProblems(`${place}.idempotency_header`, [keyHeader]),
    ...ownHeaderProblems(`${place}.headers`, names),
    ...repeatProblems(`${place}.headers`, names, [authHeader, keyHeader]),
    ...valueProblems(`${place}.headers`, headers, variables),
    ...valueProblems(`${place}.query`, query, variables),
  ];
}

const ownHeaderProblems = (place: string, names: readonly string[]): string[] =>
  names
    .filter((name) => OWN_HEADERS.has(name))
    .map((name) => `${place}: '${name}' is set for each call and may not be named`);

function repeatProblems(
  place: string,
  names: readonly string[],
  taken: readonly string[],
): string[] {
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  return [
    ...twice.map((name) => `${place}: '${name}' is there twice`),
    ...names
      .filter((name) => taken.includes(name))
      .map((name) => `${place}: '${name}' carries the credential or the idempotency key`),
  ];
}

function valueProblems(
  place: string,
  values: Readonly<Record<string, string>>,
  variables: Variables,
): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const missing = missingVariables(`${place}.${name}`, value, variables);
    if (missing.length > 0) return missing;
    return ONE_LINE.test(filledIn(value, variables))
      ? []
      : [`${place}.${name}: has a character that has no place in one line of ASCII`];
  });
}
