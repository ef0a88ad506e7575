ALTER TABLE processing.exports
  ADD COLUMN operator_columns boolean NOT NULL DEFAULT false,
  ADD COLUMN paused           boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN processing.exports.operator_columns IS
  'What only operators know is exported too; only of all organizations.';
COMMENT ON COLUMN processing.exports.paused IS
  'It came with an import: nothing is written until it is set again.';
COMMENT ON COLUMN processing.exports.done IS
  'Number of the last event that is written: in the feed, or among the events of all feeds in the '
  'order of the log. Null before it has begun.';
