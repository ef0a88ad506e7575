-- Losing it rings some wakes again, so it is worth no write-ahead log.
CREATE UNLOGGED TABLE processing.handled_wakes (
  id         bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  group_name text     NOT NULL,
  highest    bigint   NOT NULL,
  positions  bigint[] NOT NULL
);
CREATE INDEX handled_wakes_group ON processing.handled_wakes (group_name, id);
COMMENT ON TABLE processing.handled_wakes IS
  'What the members of a group finished above its checkpoint, while Kafka delivers.';
COMMENT ON COLUMN processing.handled_wakes.highest IS
  'The highest of the positions: at or below the checkpoint, the row has served.';
