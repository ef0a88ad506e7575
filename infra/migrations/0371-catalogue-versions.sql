CREATE TABLE readmodel.catalogue_versions (
  position bigint PRIMARY KEY,
  version  text COLLATE "C" NOT NULL,
  at       timestamptz NOT NULL
);
COMMENT ON TABLE readmodel.catalogue_versions IS
  'Which version of the catalogue was in force from when on: the last row before a moment.';
COMMENT ON COLUMN readmodel.catalogue_versions.position IS
  'Of the event by which it took effect, or by which its prices were published.';
COMMENT ON COLUMN readmodel.catalogue_versions.version IS
  'Its prices are in the stream catalogue-<version>.';
COMMENT ON COLUMN readmodel.catalogue_versions.at IS
  'When it was.';
