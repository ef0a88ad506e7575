CREATE SCHEMA readmodel;
COMMENT ON SCHEMA readmodel IS
  'What can be read. Every row follows from the log alone: dropping it all loses nothing but time.';

CREATE TABLE readmodel.projections (
  name                 text COLLATE "C" PRIMARY KEY,
  number               integer GENERATED ALWAYS AS IDENTITY,
  version              integer NOT NULL,
  generation           integer NOT NULL DEFAULT 0,
  tables               text[] NOT NULL,
  position             bigint NOT NULL DEFAULT -1,
  stopped_at           timestamptz,
  stopped_position     bigint,
  error                text,
  rebuild_requested_at timestamptz,
  rebuild_position     bigint,
  rebuild_error        text
) WITH (fillfactor = 50);
COMMENT ON TABLE readmodel.projections IS
  'How far each projection has come in the log. Changes in the same transaction as its rows.';
COMMENT ON COLUMN readmodel.projections.name IS
  'The projection, by which operators call it.';
COMMENT ON COLUMN readmodel.projections.number IS
  'Names the advisory lock under which it is rebuilt.';
COMMENT ON COLUMN readmodel.projections.version IS
  'Of the code whose fold the rows are; a smaller one than the code''s asks for a rebuild.';
COMMENT ON COLUMN readmodel.projections.generation IS
  'Counts swaps: a writer that remembers rows of an earlier generation must forget them.';
COMMENT ON COLUMN readmodel.projections.tables IS
  'Its tables in this schema.';
COMMENT ON COLUMN readmodel.projections.position IS
  'Every event at or below it is in the rows, and none above it. -1 before the first event.';
COMMENT ON COLUMN readmodel.projections.stopped_at IS
  'Set while an event that cannot be applied holds this projection up.';
COMMENT ON COLUMN readmodel.projections.stopped_position IS
  'Position of that event.';
COMMENT ON COLUMN readmodel.projections.error IS
  'Why it cannot be applied.';
COMMENT ON COLUMN readmodel.projections.rebuild_requested_at IS
  'An operator asked for a rebuild that has not been made yet.';
COMMENT ON COLUMN readmodel.projections.rebuild_position IS
  'How far the rebuild beside the live tables has come.';
COMMENT ON COLUMN readmodel.projections.rebuild_error IS
  'Why the last rebuild failed.';
