-- Holds that were open at a position and were placed before another one: those of the long holds
-- that ended behind it, class by class, and those that are open still. The newest first.
SELECT hold_id, organization_id, execution_id, generation, amount_micros, placed_at, position,
  NULL::integer AS revision
FROM (
  (
    SELECT h.hold_id, h.organization_id, h.execution_id, h.generation, h.amount_micros,
      h.placed_at, h.position
    FROM generate_series(0, 62) AS c (span_class)
    CROSS JOIN LATERAL (
      SELECT * FROM readmodel.long_holds l
      WHERE l.organization_id = $1 AND l.span_class = c.span_class
        AND l.position > $2::bigint - (2::numeric ^ (c.span_class + 1)) AND l.position < $3
        AND l.ended_position > $2
        AND ($4::text IS NULL OR l.execution_id = $4)
        AND ($5::timestamptz IS NULL OR l.placed_at >= $5)
        AND ($6::timestamptz IS NULL OR l.placed_at < $6)
      ORDER BY l.position DESC
      LIMIT $7
    ) h
  )
  UNION ALL
  (
    SELECT h.hold_id, h.organization_id, h.execution_id, h.generation, h.amount_micros,
      h.placed_at, h.position
    FROM readmodel.holds h
    WHERE h.organization_id = $1 AND h.position < $3
      AND ($4::text IS NULL OR h.execution_id = $4)
      AND ($5::timestamptz IS NULL OR h.placed_at >= $5)
      AND ($6::timestamptz IS NULL OR h.placed_at < $6)
    ORDER BY h.position DESC
    LIMIT $7
  )
) open
ORDER BY position DESC
LIMIT $7
