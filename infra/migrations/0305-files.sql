CREATE TABLE readmodel.files (
  id              text COLLATE "C" PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  execution_id    text COLLATE "C" NOT NULL,
  purpose         text COLLATE "C" NOT NULL,
  content_type    text NOT NULL,
  format          text NOT NULL,
  size_bytes      bigint NOT NULL,
  sha256          text COLLATE "C" NOT NULL,
  width           integer,
  height          integer,
  created_at      timestamptz NOT NULL,
  position        bigint NOT NULL
);
COMMENT ON TABLE readmodel.files IS
  'Every file that is kept for an organization. Rows are inserted and never changed.';
COMMENT ON COLUMN readmodel.files.id IS
  'file_<uuid>; the bytes lie in the file store under it.';
COMMENT ON COLUMN readmodel.files.organization_id IS
  'Whose it is.';
COMMENT ON COLUMN readmodel.files.execution_id IS
  'The execution that produced it.';
COMMENT ON COLUMN readmodel.files.purpose IS
  'OUTPUT: produced by an execution.';
COMMENT ON COLUMN readmodel.files.content_type IS
  'Told from the bytes, never from what somebody declared.';
COMMENT ON COLUMN readmodel.files.format IS
  'The short name of the same, e.g. png.';
COMMENT ON COLUMN readmodel.files.size_bytes IS
  'Of the stored bytes.';
COMMENT ON COLUMN readmodel.files.sha256 IS
  'Of the stored bytes, lower-case hex.';
COMMENT ON COLUMN readmodel.files.width IS
  'In pixels; null for what has none.';
COMMENT ON COLUMN readmodel.files.height IS
  'In pixels; null for what has none.';
COMMENT ON COLUMN readmodel.files.created_at IS
  'When it was stored.';
COMMENT ON COLUMN readmodel.files.position IS
  'Of the event in the log.';
