ALTER TABLE readmodel.projections
  ADD COLUMN rebuild_started_at timestamptz,
  ADD COLUMN rebuild_head       bigint,
  ADD COLUMN rebuild_events     bigint,
  ADD COLUMN rebuilt_at         timestamptz,
  ADD COLUMN rebuilt_ms         bigint,
  ADD COLUMN rebuilt_events     bigint,
  ADD COLUMN rebuilt_position   bigint,
  ADD COLUMN rebuilt_rows       bigint,
  ADD COLUMN rebuilt_checksum   text,
  ADD COLUMN rebuilt_equal      boolean;
COMMENT ON COLUMN readmodel.projections.rebuild_started_at IS
  'When the rebuild under way, or the last one, began.';
COMMENT ON COLUMN readmodel.projections.rebuild_head IS
  'Where the log ended then: so far it has to go at least.';
COMMENT ON COLUMN readmodel.projections.rebuild_events IS
  'How many events it has taken.';
COMMENT ON COLUMN readmodel.projections.rebuilt_at IS
  'When the last rebuild was done.';
COMMENT ON COLUMN readmodel.projections.rebuilt_ms IS
  'What it took.';
COMMENT ON COLUMN readmodel.projections.rebuilt_events IS
  'How many events it took.';
COMMENT ON COLUMN readmodel.projections.rebuilt_position IS
  'At which it was compared with the live rows; null where it could not be.';
COMMENT ON COLUMN readmodel.projections.rebuilt_rows IS
  'How many rows it had there.';
COMMENT ON COLUMN readmodel.projections.rebuilt_checksum IS
  'Of its rows there.';
COMMENT ON COLUMN readmodel.projections.rebuilt_equal IS
  'Whether the live rows were the same there.';
