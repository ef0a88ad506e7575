SELECT 1, e.revision, e.position, e.id, e.type, e.data, e.metadata
FROM eventstore.events e
WHERE e.stream = $1 AND e.revision <= $2
ORDER BY e.revision DESC
LIMIT $3
