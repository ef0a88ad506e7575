-- The keys of an organization that are not revoked, one more than a page. A row without a key's id
-- is that of an organization that has none.
SELECT k.id, k.organization_id, k.name, k.permission, k.hint, k.created_at, k.expires_at,
  k.ip_allow_list::text AS ip_allow_list, k.allowed_models::text AS allowed_models,
  k.require::text AS require, k.rotated_at, k.previous_valid_until, k.revoked_at, k.position,
  u.used_at
FROM readmodel.organizations o
LEFT JOIN readmodel.api_keys k ON k.organization_id = o.id AND k.revoked_at IS NULL
  AND (k.created_at, k.id) > ($2::timestamptz, $3::text)
LEFT JOIN processing.api_key_uses u ON u.key_id = k.id
WHERE o.id = $1
ORDER BY k.created_at, k.id
LIMIT $4
