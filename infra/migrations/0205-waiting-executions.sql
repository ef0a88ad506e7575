CREATE TABLE processing.waiting_executions (
  execution_id    text        PRIMARY KEY,
  organization_id text        NOT NULL,
  queue           text        NOT NULL,
  cause           text        NOT NULL,
  since           timestamptz NOT NULL,
  taken_by        text,
  taken_until     timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX waiting_executions_turn
  ON processing.waiting_executions (queue, organization_id, since);
CREATE INDEX waiting_executions_age ON processing.waiting_executions (queue, since);
COMMENT ON TABLE processing.waiting_executions IS
  'Executions that wait for a slot of a provider or for its return. A hint: the log decides. A row
   of an execution that no longer waits does no harm.';
COMMENT ON COLUMN processing.waiting_executions.queue IS
  'The model, and behind it the providers where not all of them may take the execution.';
COMMENT ON COLUMN processing.waiting_executions.cause IS
  'The event that led here; the causation of the next event.';
COMMENT ON COLUMN processing.waiting_executions.taken_until IS
  'A process is about to run it until then, by the clock of this database; then others may.';
