/** The limits of a key under those of the key that grants it: nobody grants what it may not do. */
import type { KeyLimits } from '../../contracts/events/api-key.js';
import { keepsAll } from '../../domain/routing/requirements.js';
import { isNetworkWithin } from '../../infra/networks/networks.js';

/** The limit that would let a key do more than its granter may; undefined where there is none. */
export function limitBeyond(asked: KeyLimits, granter: KeyLimits): keyof KeyLimits | undefined {
  if (granter.expiresAt && !(asked.expiresAt && asked.expiresAt <= granter.expiresAt))
    return 'expiresAt';
  const { ipAllowList: networks, allowedModels: models, require } = granter;
  const isAdmitted = (inner: string) => networks?.some((outer) => isNetworkWithin(inner, outer));
  if (networks && !asked.ipAllowList?.every(isAdmitted)) return 'ipAllowList';
  if (models && !asked.allowedModels?.every((slug) => models.includes(slug)))
    return 'allowedModels';
  if (require && !keepsAll(asked.require, require)) return 'require';
  return undefined;
}
