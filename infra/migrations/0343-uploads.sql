-- A file has a row from the moment that it may be uploaded until its bytes are removed.
ALTER TABLE readmodel.files
  ALTER COLUMN execution_id DROP NOT NULL,
  ALTER COLUMN content_type DROP NOT NULL,
  ALTER COLUMN format DROP NOT NULL,
  ALTER COLUMN size_bytes DROP NOT NULL,
  ALTER COLUMN sha256 DROP NOT NULL,
  ADD COLUMN status text COLLATE "C" NOT NULL DEFAULT 'stored',
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN duration_ms bigint,
  ADD COLUMN shape json,
  ADD COLUMN revision integer NOT NULL DEFAULT 0;
COMMENT ON TABLE readmodel.files IS
  'Every file of an organization that may have bytes in the file store.';
COMMENT ON COLUMN readmodel.files.execution_id IS
  'The execution that produced it; null for what was uploaded.';
COMMENT ON COLUMN readmodel.files.purpose IS
  'OUTPUT: produced by an execution. INPUT, UPLOAD: uploaded by a caller.';
COMMENT ON COLUMN readmodel.files.content_type IS
  'Told from the bytes, never from what somebody declared; null until they are confirmed.';
COMMENT ON COLUMN readmodel.files.format IS
  'The short name of the same, e.g. png; null until it is confirmed.';
COMMENT ON COLUMN readmodel.files.size_bytes IS
  'Of the stored bytes; null until they are confirmed.';
COMMENT ON COLUMN readmodel.files.sha256 IS
  'Of the stored bytes, lower-case hex; null until they are confirmed.';
COMMENT ON COLUMN readmodel.files.created_at IS
  'When it was stored; before that, when it was asked for.';
COMMENT ON COLUMN readmodel.files.status IS
  'awaited: not confirmed. stored. gone: deleted or expired, its bytes are about to be removed.';
COMMENT ON COLUMN readmodel.files.expires_at IS
  'When it, or the leave to upload it, is over; null: it is kept until it is deleted.';
COMMENT ON COLUMN readmodel.files.duration_ms IS
  'In milliseconds; null for what has no duration, and where the bytes do not say it.';
COMMENT ON COLUMN readmodel.files.shape IS
  'Of numbers: how many rows, and how many numbers each has; null for anything else.';
COMMENT ON COLUMN readmodel.files.revision IS
  'Of the last event of its stream that is in this row.';

-- Timers of files, and which files an execution uses while it runs.
ALTER TABLE readmodel.timers
  ALTER COLUMN execution_id DROP NOT NULL,
  ADD COLUMN file_id text COLLATE "C",
  ADD COLUMN file_ids json;
CREATE INDEX timers_by_files ON readmodel.timers (organization_id) WHERE file_ids IS NOT NULL;
COMMENT ON COLUMN readmodel.timers.kind IS
  'expire-execution, attempt-deadline, poll-provider-job, retry-attempt, attempt-webhook, reconcile-hold, expire-file or remove-file.';
COMMENT ON COLUMN readmodel.timers.execution_id IS
  'The execution that it is about; null for a timer of a file.';
COMMENT ON COLUMN readmodel.timers.file_id IS
  'The file to expire or to remove.';
COMMENT ON COLUMN readmodel.timers.file_ids IS
  'Of expire-execution: the files that the execution has as inputs; null where it has none.';

ALTER TABLE readmodel.organization_quotas ADD COLUMN file_ttl_days integer;
COMMENT ON COLUMN readmodel.organization_quotas.file_ttl_days IS
  'How long files are kept that do not say so themselves; null: as everybody''s.';
