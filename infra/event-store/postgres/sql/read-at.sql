-- The events at the positions $1, in their order.
SELECT e.stream, e.revision, e.position, e.id, e.type, e.data, e.metadata
FROM unnest($1::bigint[]) AS wanted (position)
JOIN eventstore.events e ON e.position = wanted.position
ORDER BY e.position
