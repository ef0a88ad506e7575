-- The keys of an organization that are not revoked. A row without a key's id is that of an
-- organization that has none.
SELECT k.id, k.name, k.permission, k.hint, k.created_at, k.expires_at
FROM readmodel.organizations o
LEFT JOIN readmodel.api_keys k ON k.organization_id = o.id AND k.revoked_at IS NULL
WHERE o.id = $1
ORDER BY k.created_at, k.id
