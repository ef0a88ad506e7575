CREATE TABLE processing.api_key_uses (
  key_id  text COLLATE "C" PRIMARY KEY,
  used_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE processing.api_key_uses IS
  'When each API key was last used, to a quarter of a minute; lost with the database, as nothing
   is decided by it.';
