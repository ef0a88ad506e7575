-- Null in rows of earlier releases until the projection's version 6 is built from the log.
ALTER TABLE readmodel.executions ADD COLUMN api_key_id text COLLATE "C";
COMMENT ON COLUMN readmodel.executions.api_key_id IS
  'The key that submitted it.';
CREATE INDEX executions_by_key ON readmodel.executions (api_key_id, created_at, id);

CREATE TABLE readmodel.usage_days (
  organization_id text COLLATE "C" NOT NULL,
  day             text COLLATE "C" NOT NULL,
  model           text COLLATE "C" NOT NULL,
  api_key_id      text COLLATE "C" NOT NULL,
  executions      bigint NOT NULL,
  cost_micros     bigint NOT NULL,
  PRIMARY KEY (organization_id, day, model, api_key_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE readmodel.usage_days IS
  'What was charged, added up by day, model and key; the sum is that of the ledger''s settlements.';
COMMENT ON COLUMN readmodel.usage_days.organization_id IS
  'Who was charged.';
COMMENT ON COLUMN readmodel.usage_days.day IS
  'In UTC, of the settlement: 2026-01-31.';
COMMENT ON COLUMN readmodel.usage_days.model IS
  'The slug that was asked for.';
COMMENT ON COLUMN readmodel.usage_days.api_key_id IS
  'The key that submitted the executions.';
COMMENT ON COLUMN readmodel.usage_days.executions IS
  'How many were settled.';
COMMENT ON COLUMN readmodel.usage_days.cost_micros IS
  'What was charged for them.';
