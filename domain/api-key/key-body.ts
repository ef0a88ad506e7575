/** An API key as its owner reads it, whoever answers. */
import type { Key } from './api-key.js';

export const keyBody = ({ keyId, name, permission, createdAt, limits }: Shown) => ({
  id: keyId,
  name,
  permission,
  created_at: createdAt,
  expires_at: limits.expiresAt ?? null,
  ip_allow_list: limits.ipAllowList ?? null,
  allowed_models: limits.allowedModels ?? null,
  require: limits.require ?? null,
});

type Shown = Pick<Key, 'keyId' | 'name' | 'permission' | 'createdAt' | 'limits'>;
