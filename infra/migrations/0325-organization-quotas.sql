CREATE TABLE readmodel.organization_quotas (
  organization_id    text COLLATE "C" PRIMARY KEY,
  waiting_executions integer,
  storage_bytes      bigint,
  weight             integer,
  position           bigint NOT NULL
);
CREATE INDEX organization_quotas_by_position ON readmodel.organization_quotas (position);
COMMENT ON TABLE readmodel.organization_quotas IS
  'The quotas that operators set. An organization without a row has those of everybody.';
COMMENT ON COLUMN readmodel.organization_quotas.organization_id IS
  'Whose they are.';
COMMENT ON COLUMN readmodel.organization_quotas.waiting_executions IS
  'Executions that may be accepted and not over; null: as everybody''s.';
COMMENT ON COLUMN readmodel.organization_quotas.storage_bytes IS
  'Bytes of inputs, outputs and files that may be stored; null: as everybody''s.';
COMMENT ON COLUMN readmodel.organization_quotas.weight IS
  'The share where work of several organizations waits; null: as everybody''s.';
COMMENT ON COLUMN readmodel.organization_quotas.position IS
  'Of the last event about it: readers ask for rows behind the last one that they saw.';
