CREATE TABLE processing.exports (
  name            text        COLLATE "C" PRIMARY KEY,
  id              uuid        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  organization_id text        COLLATE "C",
  format          text        COLLATE "C" NOT NULL,
  sink            jsonb       NOT NULL,
  place           text        COLLATE "C" NOT NULL UNIQUE,
  from_number     bigint      NOT NULL,
  events_max      integer     NOT NULL,
  delay_seconds   integer     NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  done            bigint,
  planned         bigint,
  cursor_epoch    text        COLLATE "C",
  cursor_position bigint,
  cursor_owner    uuid,
  cursor_sequence bigint,
  events          bigint      NOT NULL DEFAULT 0,
  files           bigint      NOT NULL DEFAULT 0,
  last_file       text        COLLATE "C",
  exported_at     timestamptz,
  failures        integer     NOT NULL DEFAULT 0,
  error           text,
  retry_at        timestamptz
);
COMMENT ON TABLE processing.exports IS
  'Continuous exports of feeds: what operators set, and how far each is.';
COMMENT ON COLUMN processing.exports.id IS
  'Another one for an export that is removed and set again under the same name.';
COMMENT ON COLUMN processing.exports.organization_id IS
  'Whose feed it is; null: those of all organizations.';
COMMENT ON COLUMN processing.exports.place IS
  'Where its files are, as one text: no two exports write to one place.';
COMMENT ON COLUMN processing.exports.from_number IS
  'Where it begins: a number of the feed, or a position of the log where it is of all organizations.';
COMMENT ON COLUMN processing.exports.done IS
  'Number of the last event that is in a file: in the feed, or among the events of all feeds in the '
  'order of the log. Null before it has begun.';
COMMENT ON COLUMN processing.exports.planned IS
  'The files that are being written end with this number; after a crash the same ones are written.';
COMMENT ON COLUMN processing.exports.cursor_position IS
  'Of all feeds: the position of the last event that is in a file, in the log of cursor_epoch.';
COMMENT ON COLUMN processing.exports.cursor_owner IS
  'With cursor_sequence the same event by what stays after the log has moved.';
COMMENT ON COLUMN processing.exports.failures IS
  'How often the sink has failed since it last took something.';
