SELECT endpoint_id, failure_count, last_success_at
FROM readmodel.endpoint_health
WHERE endpoint_id = ANY ($1) AND organization_id = $2
