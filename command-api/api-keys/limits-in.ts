/** The limits of a key as a body asks for them, checked and in the form in which they are kept. */
import type { ChangeApiKeyBody } from '../../contracts/http/api-keys.js';
import { momentMs } from '../../contracts/http/moment.js';
import type { KeyLimits } from '../../contracts/events/api-key.js';
import { networkText } from '../../infra/networks/networks.js';
import type { Commands } from '../command-infra.js';
import { invalidField } from '../refusals.js';

/** Null: no such limit. What is absent was not asked for. */
export type LimitsAsked = { readonly [L in keyof KeyLimits]?: KeyLimits[L] | null };

/** Throws a `Refusal` that names the field. */
export function limitsIn(
  { catalogue }: Pick<Commands, 'catalogue'>,
  body: ChangeApiKeyBody,
  now: string,
): LimitsAsked {
  const { expires_at: expiresAt, ip_allow_list: networks, allowed_models: models, require } = body;
  return {
    ...(expiresAt !== undefined && { expiresAt: expiresAt && futureMoment(expiresAt, now) }),
    ...(networks !== undefined && { ipAllowList: networks && networkTexts(networks) }),
    ...(models !== undefined && { allowedModels: models && knownModels({ catalogue }, models) }),
    ...(require !== undefined && {
      require: require && Object.keys(require).length > 0 ? require : null,
    }),
  };
}

/** Those of `before` with what was asked for. */
export const changedLimits = (before: KeyLimits, asked: LimitsAsked): KeyLimits =>
  Object.fromEntries(Object.entries({ ...before, ...asked }).filter(([, value]) => value !== null));

function futureMoment(text: string, now: string): string {
  const ms = text.includes('T') ? momentMs(text) : undefined;
  if (ms === undefined)
    throw invalidField('expires_at', 'format', 'must be a moment in ISO 8601 with its time zone');
  if (ms <= Date.parse(now)) throw invalidField('expires_at', 'past', 'must lie in the future');
  return new Date(ms).toISOString();
}

const networkTexts = (texts: readonly string[]): readonly string[] => [
  ...new Set(
    texts.map((text, index) => {
      const network = networkText(text);
      if (network !== undefined) return network;
      const message = 'is neither an address nor a network such as 203.0.113.0/24';
      throw invalidField(`ip_allow_list[${index}]`, 'format', message);
    }),
  ),
];

function knownModels({ catalogue }: Pick<Commands, 'catalogue'>, slugs: readonly string[]) {
  const { models } = catalogue.current();
  for (const [index, slug] of slugs.entries())
    if (!models.has(slug)) {
      const message = 'is not a model of the catalogue';
      throw invalidField(`allowed_models[${index}]`, 'unknown_model', message);
    }
  return slugs;
}
