/** A file of the input where a wire format has a URL for it. */
import type { InputFile } from './port.js';

/** Its URL where the provider may fetch it, else a data URL of its bytes. */
export async function urlOrData({ url, contentType, bytes }: InputFile): Promise<string> {
  return url ?? `data:${contentType};base64,${(await bytes()).toString('base64')}`;
}
