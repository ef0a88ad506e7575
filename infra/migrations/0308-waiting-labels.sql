-- Entries of what is open and what waits come and go with every execution: those that are gone must
-- not be walked over for long.
ALTER TABLE readmodel.execution_labels SET (
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000
);
COMMENT ON TABLE readmodel.execution_labels IS
  'What lists are filtered by where time and model do not suffice: each pair of metadata, every '
  'status that is rare, and being open; and what waits for a model, by which places are counted. '
  'Beside executions, so that filters cost who uses them.';
