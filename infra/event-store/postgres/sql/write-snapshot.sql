-- A slower writer of the same shape never takes a newer state away.
INSERT INTO eventstore.snapshots AS old (stream, revision, version, state)
VALUES ($1, $2, $3, $4)
ON CONFLICT (stream) DO UPDATE
SET revision = excluded.revision, version = excluded.version, state = excluded.state
WHERE old.version <> excluded.version OR old.revision <= excluded.revision
