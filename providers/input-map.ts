/**
 * Canonical input as a model of a provider wants it: under its own names, and with a URL in the
 * place of each file.
 */
import type { ReadFailure } from './failures.js';
import { urlOrData } from './input-file.js';
import type { ProviderCall } from './port.js';

type Fields = Readonly<Record<string, unknown>>;

export async function mappedInput({
  input,
  inputMap,
  files,
  routeRequest: { as = {} } = {},
}: Pick<ProviderCall, 'input' | 'inputMap' | 'files' | 'routeRequest'>): Promise<Fields> {
  const mapped: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    const own = nameOf(inputMap, name);
    const form = Object.hasOwn(as, name) ? as[name] : undefined;
    if (own !== null) mapped[own] = inForm(form, await withUrls(value, files));
  }
  return mapped;
}

function inForm(form: 'json' | 'first' | undefined, value: unknown): unknown {
  if (form === 'json') return JSON.stringify(value);
  return form === 'first' && Array.isArray(value) ? (value as unknown[])[0] : value;
}

/**
 * Reads a refusal in which the provider blames what it calls otherwise: the caller is told the
 * field as the caller wrote it.
 */
export function unmapped(
  { input, inputMap }: Pick<ProviderCall, 'input' | 'inputMap'>,
  read: ReadFailure,
): ReadFailure {
  const names = new Map<string, string>();
  for (const name of Object.keys(input)) {
    const own = nameOf(inputMap, name);
    if (own !== null) names.set(own, name);
  }
  const own = Object.fromEntries([...names].map(([mapped, name]) => [mapped, input[name]]));
  return (refusal) => {
    const outcome = read({ ...refusal, input: own });
    if (outcome.kind !== 'failed' || !outcome.details) return outcome;
    const details = outcome.details.map((detail) => {
      const name = detail.field === undefined ? undefined : names.get(detail.field);
      return name === undefined ? detail : { ...detail, field: name };
    });
    return { ...outcome, details };
  };
}

function nameOf(inputMap: ProviderCall['inputMap'], name: string): string | null {
  const own = inputMap && Object.hasOwn(inputMap, name) ? inputMap[name] : undefined;
  return own === undefined ? name : own;
}

async function withUrls(value: unknown, files: ProviderCall['files']): Promise<unknown> {
  if (!files) return value;
  if (Array.isArray(value))
    return Promise.all((value as unknown[]).map((one) => withUrls(one, files)));
  const file = typeof value === 'string' ? files.get(value) : undefined;
  return file ? urlOrData(file) : value;
}
