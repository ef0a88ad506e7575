/** The URL of a webhook endpoint, judged before it is resolved; it is judged again at each call. */
import { vetUrl } from '../../http/client/vet-url.js';
import type { Commands } from '../command-infra.js';
import { invalidField } from '../refusals.js';

/** Throws a `Refusal` for one that we do not call. */
export function endpointUrlIn(
  { allowedNetworks }: Pick<Commands, 'allowedNetworks'>,
  text: string,
): string {
  const vetted = vetUrl(text, allowedNetworks);
  if (vetted.ok) return text;
  throw invalidField('url', 'refused', vetted.reason);
}
