CREATE TABLE readmodel.feed_events (
  organization_id uuid NOT NULL,
  sequence        bigint NOT NULL,
  position        bigint NOT NULL,
  event_id        uuid NOT NULL,
  type            text COLLATE "C" NOT NULL,
  subject         text COLLATE "C" NOT NULL,
  at              timestamptz NOT NULL,
  data            text COLLATE "C" NOT NULL,
  PRIMARY KEY (organization_id, sequence)
);
-- Grows at its end alone. A webhook finds the number of the event that it is about.
CREATE UNIQUE INDEX feed_events_by_position ON readmodel.feed_events (position);
COMMENT ON TABLE readmodel.feed_events IS
  'What organizations may know of what happened to them. Rows are inserted and never changed.';
COMMENT ON COLUMN readmodel.feed_events.organization_id IS
  'Whose feed it is in: the UUID of org_<uuid>.';
COMMENT ON COLUMN readmodel.feed_events.sequence IS
  'From 1 in the order of the log, without a gap.';
COMMENT ON COLUMN readmodel.feed_events.position IS
  'Of the event in the log.';
COMMENT ON COLUMN readmodel.feed_events.event_id IS
  'Of the event in the log; it is told as evt_<uuid>.';
COMMENT ON COLUMN readmodel.feed_events.type IS
  'CloudEvents type.';
COMMENT ON COLUMN readmodel.feed_events.subject IS
  'The id of what it is about.';
COMMENT ON COLUMN readmodel.feed_events.at IS
  'When it happened.';
COMMENT ON COLUMN readmodel.feed_events.data IS
  'Text of a JSON object, served as it is.';

CREATE TABLE readmodel.feed_heads (
  organization_id text COLLATE "C" PRIMARY KEY,
  sequence        bigint NOT NULL,
  position        bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE readmodel.feed_heads IS
  'How many events each feed has.';
COMMENT ON COLUMN readmodel.feed_heads.organization_id IS
  'Whose feed it is.';
COMMENT ON COLUMN readmodel.feed_heads.sequence IS
  'Of its newest event.';
COMMENT ON COLUMN readmodel.feed_heads.position IS
  'Of the same event in the log.';
