CREATE TABLE readmodel.executions (
  id                    text COLLATE "C" PRIMARY KEY,
  organization_id       text COLLATE "C" NOT NULL,
  api_key_id            text COLLATE "C" NOT NULL,
  model                 text COLLATE "C" NOT NULL,
  modality              text COLLATE "C" NOT NULL,
  status                text COLLATE "C" NOT NULL,
  estimated_cost_micros bigint NOT NULL,
  hold_micros           bigint NOT NULL,
  cost_micros           bigint,
  latency_ms            bigint,
  created_at            timestamptz NOT NULL,
  expires_at            timestamptz NOT NULL,
  started_at            timestamptz,
  completed_at          timestamptz,
  metadata              json NOT NULL,
  summary               json,
  output                json,
  error                 json,
  revision              integer NOT NULL,
  position              bigint NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_insert_scale_factor = 0.5);
-- No index has a column that changes, so that an update within a page touches none of them.
CREATE INDEX executions_by_time ON readmodel.executions (organization_id, created_at, id);
CREATE INDEX executions_by_model ON readmodel.executions (organization_id, model, created_at, id);
COMMENT ON TABLE readmodel.executions IS
  'Every accepted execution as its owner sees it; no provider shows.';
COMMENT ON COLUMN readmodel.executions.id IS
  'exec_<uuid>; its stream is execution-<id>.';
COMMENT ON COLUMN readmodel.executions.organization_id IS
  'Whose it is.';
COMMENT ON COLUMN readmodel.executions.api_key_id IS
  'The key that submitted it.';
COMMENT ON COLUMN readmodel.executions.model IS
  'The model''s public slug.';
COMMENT ON COLUMN readmodel.executions.modality IS
  'text, image, audio or video.';
COMMENT ON COLUMN readmodel.executions.status IS
  'The public status.';
COMMENT ON COLUMN readmodel.executions.estimated_cost_micros IS
  'What it was expected to cost at most.';
COMMENT ON COLUMN readmodel.executions.hold_micros IS
  'What was reserved for it.';
COMMENT ON COLUMN readmodel.executions.cost_micros IS
  'What it cost; null unless completed.';
COMMENT ON COLUMN readmodel.executions.latency_ms IS
  'From the request to the completion; null unless completed.';
COMMENT ON COLUMN readmodel.executions.created_at IS
  'When it was accepted.';
COMMENT ON COLUMN readmodel.executions.expires_at IS
  'When it ends by itself unless it is done.';
COMMENT ON COLUMN readmodel.executions.started_at IS
  'When it was first dispatched.';
COMMENT ON COLUMN readmodel.executions.completed_at IS
  'When it reached its terminal state, whichever it is.';
COMMENT ON COLUMN readmodel.executions.metadata IS
  'The caller''s own keys and values. json, not jsonb: the text is answered as it was given.';
COMMENT ON COLUMN readmodel.executions.summary IS
  'A summary of the result; null unless completed.';
COMMENT ON COLUMN readmodel.executions.output IS
  'Where the canonical output lies: ref, sha256, bytes.';
COMMENT ON COLUMN readmodel.executions.error IS
  'code, message, retryable; null unless failed.';
COMMENT ON COLUMN readmodel.executions.revision IS
  'Of the last event of its stream that is in this row.';
COMMENT ON COLUMN readmodel.executions.position IS
  'Of the same event in the log.';

CREATE TABLE readmodel.execution_labels (
  label        uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  execution_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (label, created_at, execution_id)
);
COMMENT ON TABLE readmodel.execution_labels IS
  'What lists are filtered by where time and model do not suffice: each pair of metadata, every '
  'status that is rare, and being open. Beside executions, so that filters cost who uses them.';
COMMENT ON COLUMN readmodel.execution_labels.label IS
  'Digest of organization, kind, name and value: of one length, and of one organization only.';
COMMENT ON COLUMN readmodel.execution_labels.created_at IS
  'When the execution was accepted: the order of lists.';
COMMENT ON COLUMN readmodel.execution_labels.execution_id IS
  'The execution that carries the label.';
