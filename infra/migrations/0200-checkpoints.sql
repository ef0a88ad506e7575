CREATE SCHEMA IF NOT EXISTS processing;

CREATE TABLE processing.checkpoints (
  group_name text        PRIMARY KEY,
  position   bigint      NOT NULL,
  saved_at   timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
COMMENT ON TABLE processing.checkpoints IS
  'How far each processor group has come in the log.';
COMMENT ON COLUMN processing.checkpoints.position IS
  'Every wanted event at or below it is handled or parked. Never moves back.';

CREATE TABLE processing.parked_wakes (
  group_name      text        NOT NULL,
  stream          text        NOT NULL,
  revision        integer     NOT NULL,
  type            text        NOT NULL,
  position        bigint      NOT NULL,
  attempts        integer     NOT NULL,
  error           text        NOT NULL,
  parked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  retry_requested boolean     NOT NULL DEFAULT false,
  PRIMARY KEY (group_name, stream, revision)
);
CREATE INDEX parked_wakes_retry ON processing.parked_wakes (group_name)
  WHERE retry_requested;
COMMENT ON TABLE processing.parked_wakes IS
  'Wakes that a group gave up after its bounded attempts; an operator may ring them again.';
COMMENT ON COLUMN processing.parked_wakes.retry_requested IS
  'Set by an operator; the row goes when the wake is handled, the mark when it fails again.';
