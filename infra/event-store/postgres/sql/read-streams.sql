SELECT wanted.n, e.revision, e.position, e.id, e.type, e.data, e.metadata
FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY AS wanted (stream, from_revision, n)
CROSS JOIN LATERAL (
  SELECT e.revision, e.position, e.id, e.type, e.data, e.metadata
  FROM eventstore.events e
  WHERE e.stream = wanted.stream AND e.revision >= wanted.from_revision
  ORDER BY e.revision
) e
