-- Checkpoints of before were of the log in this database: there was no other store.
CREATE TABLE processing.log_identity (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  kind   text    NOT NULL,
  first  jsonb,
  known  jsonb,
  head   bigint  NOT NULL
);
INSERT INTO processing.log_identity (kind, head)
SELECT 'postgres', -1
WHERE EXISTS (SELECT FROM processing.checkpoints WHERE position >= 0);
COMMENT ON TABLE processing.log_identity IS
  'The log that all positions in this database belong to. One row, or none before the first.';
COMMENT ON COLUMN processing.log_identity.kind IS
  'Where it lies: postgres (this database) or eventstoredb.';
COMMENT ON COLUMN processing.log_identity.first IS
  'Its first event: position, stream, revision, id.';
COMMENT ON COLUMN processing.log_identity.known IS
  'Another event of it, by which a copy with other positions is told apart.';
COMMENT ON COLUMN processing.log_identity.head IS
  'How far it was known to reach at the last start.';
