-- Events behind $1, at most $3, from the $2 positions that follow it; and, on every row and also
-- when there are no events, the head of the log as of the same moment.
SELECT log.head, e.stream, e.revision, e.position, e.id, e.type, e.data, e.metadata
FROM (SELECT coalesce(max(position), -1) AS head FROM eventstore.events) AS log
LEFT JOIN LATERAL (
  SELECT e.stream, e.revision, e.position, e.id, e.type, e.data, e.metadata
  FROM eventstore.events e
  WHERE e.position > $1::bigint
    AND e.position <= $1::bigint + $2::bigint
    AND ($4::text[] IS NULL OR split_part(e.stream, '-', 1) = ANY ($4::text[]))
    AND ($5::text[] IS NULL OR e.type = ANY ($5::text[]))
  ORDER BY e.position
  LIMIT $3
) AS e ON true
