/** The files that a field of an input names, for wire formats that send their bytes. */
import type { InputFile, ProviderCall, ProviderResult } from './port.js';

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
