ALTER TABLE readmodel.organization_quotas
  ADD COLUMN requests_per_minute integer,
  ADD COLUMN request_burst       integer;
COMMENT ON COLUMN readmodel.organization_quotas.requests_per_minute IS
  'How many requests it may make in a minute; 0: any number; null: as everybody''s.';
COMMENT ON COLUMN readmodel.organization_quotas.request_burst IS
  'How many requests it may make at once; null: as everybody''s.';
