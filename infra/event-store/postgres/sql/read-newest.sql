SELECT e.stream, e.revision, e.position, e.id, e.type, e.data, e.metadata
FROM eventstore.events e
ORDER BY e.position DESC
LIMIT $1
