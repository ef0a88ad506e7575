CREATE TABLE readmodel.stored_bytes (
  organization_id text COLLATE "C" PRIMARY KEY,
  bytes           bigint NOT NULL,
  position        bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX stored_bytes_by_position ON readmodel.stored_bytes (position);
COMMENT ON TABLE readmodel.stored_bytes IS
  'What is stored for each organization that has anything.';
COMMENT ON COLUMN readmodel.stored_bytes.organization_id IS
  'Whose it is.';
COMMENT ON COLUMN readmodel.stored_bytes.bytes IS
  'Of its inputs, outputs and files together.';
COMMENT ON COLUMN readmodel.stored_bytes.position IS
  'Of the last event about it: readers ask for rows behind the last one that they saw.';

CREATE TABLE readmodel.large_payloads (
  name            text COLLATE "C" PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  bytes           bigint NOT NULL,
  position        bigint NOT NULL
);
COMMENT ON TABLE readmodel.large_payloads IS
  'The payloads beyond 64 KB that an event names. One in the store that is not here, an hour after it was written, is nobody''s.';
COMMENT ON COLUMN readmodel.large_payloads.name IS
  'SHA-256 of its ref: the name of its file, or of its object.';
COMMENT ON COLUMN readmodel.large_payloads.organization_id IS
  'Whose it is.';
COMMENT ON COLUMN readmodel.large_payloads.bytes IS
  'Its size.';
COMMENT ON COLUMN readmodel.large_payloads.position IS
  'Of the event that names it.';
