/** Who asks for something about an organization's API keys: one of them, or an operator. */
import type { KeyLimits } from '../../contracts/events/api-key.js';
import { isId, type ApiKeyId, type OrganizationId } from '../../contracts/ids.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Key } from '../../domain/api-key/api-key.js';
import { Refusal, type ApiRequest, type Caller } from '../../http/server/route.js';
import { metadataOf, operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';

export interface KeyAsker {
  readonly organizationId: OrganizationId;
  readonly metadata: CommandMetadata;
  /** The key that asks; absent for an operator, whom nothing binds. */
  readonly key?: Key;
}

/** Throws a `Refusal` for a key that was revoked since it was let in. */
export async function askingKey(
  { apiKeys }: Pick<Commands, 'apiKeys'>,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<KeyAsker> {
  const { state } = await apiKeys.load(keyId);
  if (state.status !== 'active') throw new Refusal('UNAUTHORIZED');
  return { organizationId, metadata: metadataOf(request, keyId, organizationId), key: state.key };
}

export function askingOperator(request: ApiRequest): KeyAsker {
  const organizationId = organizationIn(request);
  return { organizationId, metadata: operatorMetadata(request, organizationId) };
}

/** The key that a path names; throws a `Refusal` for what is no id of one. */
export function keyIdIn({ params }: ApiRequest, name: 'id' | 'keyId'): ApiKeyId {
  const keyId = params[name] ?? '';
  if (isId('key', keyId)) return keyId as ApiKeyId;
  throw new Refusal('NOT_FOUND');
}

/** The key of that id, where it is the asker's organization's and not revoked. */
export async function ownKey(
  { apiKeys }: Pick<Commands, 'apiKeys'>,
  { organizationId }: KeyAsker,
  keyId: ApiKeyId,
): Promise<Key | undefined> {
  const { state } = await apiKeys.load(keyId);
  if (state.status !== 'active' || state.key.organizationId !== organizationId) return undefined;
  return state.key;
}

/** Nobody grants what it may not do: the limit of its own key that stands in the way is named. */
export function beyond(limit: keyof KeyLimits): Refusal {
  const message = 'goes beyond what the API key that asks may do';
  return new Refusal('FORBIDDEN', undefined, [
    { field: FIELDS[limit], code: 'beyond_own', message },
  ]);
}

const FIELDS: Record<keyof KeyLimits, string> = {
  expiresAt: 'expires_at',
  ipAllowList: 'ip_allow_list',
  allowedModels: 'allowed_models',
  require: 'require',
};
