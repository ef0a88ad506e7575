/** What OpenAI's forms share: files under their fields, all else as text. */
import type { FormField } from '../multipart.js';
import type { InputFile, ProviderCall, ProviderResult } from '../port.js';

export const fileMissing: ProviderResult = {
  kind: 'failed',
  code: 'FILE_NOT_FOUND',
  retryable: false,
  countsAsFailure: false,
  detail: 'not sent: a file of the input was not given to the adapter',
};

/** The files that a field of the input names; undefined where one of them is gone. */
export function filesNamed(
  { files }: Pick<ProviderCall, 'files'>,
  named: unknown,
): readonly InputFile[] | undefined {
  const ids = named === undefined ? [] : Array.isArray(named) ? (named as unknown[]) : [named];
  const found = ids.map((id) => files?.get(String(id)));
  return found.every((file) => file !== undefined) ? found : undefined;
}

/** A list is repeated under its name with `[]`, as OpenAI's own clients send it. */
export function textFields(fields: Readonly<Record<string, unknown>>): FormField[] {
  return Object.entries(fields).flatMap(([name, value]): FormField[] => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value))
      return (value as unknown[]).map((one): FormField => [`${name}[]`, textOf(one)]);
    return [[name, textOf(value)]];
  });
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
