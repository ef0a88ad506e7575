ALTER TABLE readmodel.api_keys
  ADD COLUMN ip_allow_list json,
  ADD COLUMN allowed_models json,
  ADD COLUMN require json,
  ADD COLUMN rotated_at timestamptz,
  ADD COLUMN previous_valid_until timestamptz;
COMMENT ON COLUMN readmodel.api_keys.permission IS
  'FULL, DEVELOPER, EXECUTION_ONLY, BILLING or AUDITOR.';
COMMENT ON COLUMN readmodel.api_keys.hint IS
  'The last four characters of its newest secret.';
COMMENT ON COLUMN readmodel.api_keys.ip_allow_list IS
  'Networks from which it may be used; null: from everywhere.';
COMMENT ON COLUMN readmodel.api_keys.allowed_models IS
  'Slugs of the models that may be run with it; null: all.';
COMMENT ON COLUMN readmodel.api_keys.require IS
  'Required of every execution that is submitted with it; null: nothing.';
COMMENT ON COLUMN readmodel.api_keys.rotated_at IS
  'When it got its newest secret; null for a key that was never rotated.';
COMMENT ON COLUMN readmodel.api_keys.previous_valid_until IS
  'Until when the secret before opens it; null for a key that was never rotated.';
