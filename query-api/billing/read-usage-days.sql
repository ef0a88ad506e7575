SELECT
  CASE WHEN $4 THEN day END AS day,
  CASE WHEN $5 THEN model END AS model,
  CASE WHEN $6 THEN api_key_id END AS api_key_id,
  sum(executions)::bigint AS executions,
  sum(cost_micros)::bigint AS cost_micros
FROM readmodel.usage_days
WHERE organization_id = $1 AND day >= $2 AND day < $3
GROUP BY 1, 2, 3
LIMIT $7
