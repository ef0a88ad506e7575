/** A file of the input where a wire format has a URL for it. */
import type { InputFile } from './port.js';

/** Its URL where the provider may fetch it, else a data URL of its bytes. */
export async function urlOrData(file: InputFile): Promise<string> {
  if (file.url !== undefined) return file.url;
  const bytes = await file.bytes();
  return `data:${file.contentType};base64,${bytes.toString('base64')}`;
}
