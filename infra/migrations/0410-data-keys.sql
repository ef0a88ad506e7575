CREATE SCHEMA datakeys;
COMMENT ON SCHEMA datakeys IS
  'The keys under which contents of organizations are encrypted. Back it up apart, for a short time.';

CREATE TABLE datakeys.keys (
  id               uuid PRIMARY KEY,
  organization_id  text COLLATE "C" NOT NULL,
  version          integer NOT NULL,
  wrapped          bytea,
  created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  destroyed_at     timestamptz,
  destroyed_number bigint,
  UNIQUE (organization_id, version),
  CHECK ((wrapped IS NULL) = (destroyed_number IS NOT NULL))
);
CREATE INDEX keys_destroyed ON datakeys.keys (destroyed_number) WHERE destroyed_number IS NOT NULL;
COMMENT ON TABLE datakeys.keys IS
  'One row a key. The row of a destroyed one stays, so that its organization never has another.';
COMMENT ON COLUMN datakeys.keys.wrapped IS
  'The key under a key that follows from MODELROUTE_MASTER_KEY; null once it was destroyed.';
COMMENT ON COLUMN datakeys.keys.destroyed_number IS
  'Of the destruction, counted from 1; processes ask for those after the last one they know.';
