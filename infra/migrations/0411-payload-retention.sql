ALTER TABLE readmodel.organization_quotas ADD COLUMN payload_ttl_days integer;
COMMENT ON COLUMN readmodel.organization_quotas.payload_ttl_days IS
  'After so many days the payloads of an execution that is over are erased; null: never by this.';
