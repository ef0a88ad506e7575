-- The next settlements of a range, in the order of their time, added up by what they are asked for.
-- Metadata that PostgreSQL cannot take apart (it may name U+0000, or half a surrogate pair) comes as
-- the text of its document.
WITH charged AS MATERIALIZED (
  SELECT at, position, leg, execution_id, -amount_micros AS cost_micros
  FROM readmodel.ledger_entries
  WHERE organization_id = $1 AND entry_type = 'SETTLEMENT' AND at >= $2 AND at < $3
    AND (at, position, leg) > ($2, $4::bigint, $5::integer)
  ORDER BY at, position, leg
  LIMIT $6
), last AS (
  SELECT at, position, leg FROM charged ORDER BY at DESC, position DESC, leg DESC LIMIT 1
), parts AS (
  SELECT
    CASE WHEN $7 THEN to_char(charged.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS day,
    CASE WHEN $8 THEN e.model END AS model,
    CASE WHEN $9 THEN e.api_key_id END AS api_key_id,
    CASE WHEN $10 AND document.is_plain THEN e.body -> 'metadata' ->> $12::text END AS first_value,
    CASE WHEN $11 AND document.is_plain THEN e.body -> 'metadata' ->> $13::text END AS second_value,
    CASE WHEN NOT document.is_plain THEN e.body::text END AS body,
    charged.cost_micros
  FROM charged
  LEFT JOIN readmodel.executions e ON e.id = charged.execution_id
  CROSS JOIN LATERAL (
    SELECT CASE WHEN $10 OR $11
      THEN coalesce(strpos(e.body::text, '\u0000') + strpos(e.body::text, '\ud'), 0) = 0
      ELSE true END AS is_plain
  ) AS document
)
SELECT parts.day, parts.model, parts.api_key_id, parts.first_value, parts.second_value, parts.body,
  count(*)::bigint AS executions, sum(parts.cost_micros)::bigint AS cost_micros,
  last.at AS last_at, last.position AS last_position, last.leg AS last_leg,
  (SELECT count(*) FROM charged)::integer AS charged
FROM parts CROSS JOIN last
GROUP BY 1, 2, 3, 4, 5, 6, last.at, last.position, last.leg
