CREATE SCHEMA proof;
COMMENT ON SCHEMA proof IS
  'The Merkle tree over the log, and what was signed of it. Made by make-checkpoints alone.';

CREATE TABLE proof.tree (
  "only"   boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  origin   text COLLATE "C" NOT NULL,
  epoch    text NOT NULL,
  salts    text NOT NULL,
  position bigint NOT NULL,
  size     bigint NOT NULL,
  edge     bytea NOT NULL
);
COMMENT ON TABLE proof.tree IS
  'How far the tree is. One row, or none before the log has an event.';
COMMENT ON COLUMN proof.tree.origin IS
  'Names the log, and the keys that sign it.';
COMMENT ON COLUMN proof.tree.epoch IS
  'Of the positions: after the log has moved, the tree is made again, and compared with what was signed.';
COMMENT ON COLUMN proof.tree.salts IS
  'Tells whether the master key is the one of which the salts of the leaves were made.';
COMMENT ON COLUMN proof.tree.position IS
  'Of the event whose leaf is the last one.';
COMMENT ON COLUMN proof.tree.size IS
  'How many leaves there are: one an event.';
COMMENT ON COLUMN proof.tree.edge IS
  'The roots of the perfect subtrees of which the tree consists, from left to right.';

CREATE TABLE proof.tiles (
  level  smallint NOT NULL,
  index  bigint NOT NULL,
  hashes bytea NOT NULL,
  PRIMARY KEY (level, index)
);
ALTER TABLE proof.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE proof.tiles IS
  'Tiles of C2SP tlog-tiles: 256 hashes each, the last one of a level fewer.';

CREATE TABLE proof.feed_counts (
  organization_id text COLLATE "C" PRIMARY KEY,
  sequence        bigint NOT NULL,
  latest          timestamptz NOT NULL
);
COMMENT ON TABLE proof.feed_counts IS
  'The number of the last event of an organization''s feed that has a leaf, and the latest time of all.';

CREATE TABLE proof.feed_leaves (
  organization_id text COLLATE "C" NOT NULL,
  first_sequence  bigint NOT NULL,
  first_position  bigint NOT NULL,
  latest          timestamptz NOT NULL,
  places          bytea NOT NULL,
  PRIMARY KEY (organization_id, first_sequence)
);
CREATE INDEX feed_leaves_by_position ON proof.feed_leaves (organization_id, first_position);
CREATE INDEX feed_leaves_by_time ON proof.feed_leaves (organization_id, latest, first_sequence);
COMMENT ON TABLE proof.feed_leaves IS
  'Where the leaves of an organization''s events are, and the events in the log; some events a row.';
COMMENT ON COLUMN proof.feed_leaves.latest IS
  'The latest time of all events of the feed up to the last one of the row: it never goes back.';
COMMENT ON COLUMN proof.feed_leaves.places IS
  'For each event three numbers (LEB128): leaf and position, each less those of the event before it '
  'in the row, and by how much the event before it in the log is before it.';

CREATE TABLE proof.checkpoints (
  origin    text COLLATE "C" NOT NULL,
  size      bigint NOT NULL,
  root      bytea NOT NULL,
  note      text NOT NULL,
  signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (origin, size)
);
COMMENT ON TABLE proof.checkpoints IS
  'Every checkpoint that was signed. Rows are inserted and never changed: one root for one size.';

CREATE TABLE proof.keys (
  vkey       text COLLATE "C" PRIMARY KEY,
  origin     text COLLATE "C" NOT NULL,
  first_used timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE proof.keys IS
  'The public keys that have signed, for ever.';
