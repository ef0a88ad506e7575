-- Doorbells of a release without epochs, and the epoch of what it wrote, are the first one.
ALTER TABLE processing.log_identity ADD COLUMN epoch text NOT NULL DEFAULT '0';
COMMENT ON COLUMN processing.log_identity.epoch IS
  'Another one after every move: who was started in an older one writes no position here.';
