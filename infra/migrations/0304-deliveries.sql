CREATE TABLE readmodel.deliveries (
  id              text COLLATE "C" PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  execution_id    text COLLATE "C" NOT NULL,
  event_id        text COLLATE "C" NOT NULL,
  event_type      text COLLATE "C" NOT NULL,
  sequence        integer NOT NULL,
  url             text NOT NULL,
  status          text COLLATE "C" NOT NULL,
  attempts        integer NOT NULL,
  scheduled_at    timestamptz NOT NULL,
  next_attempt_at timestamptz,
  finished_at     timestamptz,
  revision        integer NOT NULL,
  position        bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX deliveries_by_time ON readmodel.deliveries (organization_id, scheduled_at, id);
COMMENT ON TABLE readmodel.deliveries IS
  'Every webhook delivery that is or was owed.';
COMMENT ON COLUMN readmodel.deliveries.id IS
  'dlv_<uuid>; its stream is delivery-<id>.';
COMMENT ON COLUMN readmodel.deliveries.organization_id IS
  'Who is told.';
COMMENT ON COLUMN readmodel.deliveries.execution_id IS
  'What is told of.';
COMMENT ON COLUMN readmodel.deliveries.event_id IS
  'evt_<uuid>, the same on every attempt.';
COMMENT ON COLUMN readmodel.deliveries.event_type IS
  'What is told, e.g. execution.completed.';
COMMENT ON COLUMN readmodel.deliveries.sequence IS
  'Its number in the execution''s public timeline.';
COMMENT ON COLUMN readmodel.deliveries.url IS
  'Where it is told.';
COMMENT ON COLUMN readmodel.deliveries.status IS
  'WAITING, SUCCEEDED or EXHAUSTED.';
COMMENT ON COLUMN readmodel.deliveries.attempts IS
  'Attempts made so far.';
COMMENT ON COLUMN readmodel.deliveries.scheduled_at IS
  'Since when it is owed.';
COMMENT ON COLUMN readmodel.deliveries.next_attempt_at IS
  'When it is attempted again; null before the first attempt and once it is over.';
COMMENT ON COLUMN readmodel.deliveries.finished_at IS
  'When it succeeded or was given up.';
COMMENT ON COLUMN readmodel.deliveries.revision IS
  'Of the last event of its stream that is in this row.';
COMMENT ON COLUMN readmodel.deliveries.position IS
  'Of the same event in the log.';

CREATE TABLE readmodel.delivery_attempts (
  delivery_id text COLLATE "C" NOT NULL,
  attempt     integer NOT NULL,
  succeeded   boolean NOT NULL,
  http_status integer,
  reason      text,
  latency_ms  bigint NOT NULL,
  at          timestamptz NOT NULL,
  position    bigint NOT NULL,
  PRIMARY KEY (delivery_id, attempt)
);
COMMENT ON TABLE readmodel.delivery_attempts IS
  'Every attempt of every delivery. Rows are inserted and never changed.';
COMMENT ON COLUMN readmodel.delivery_attempts.delivery_id IS
  'The delivery that was attempted.';
COMMENT ON COLUMN readmodel.delivery_attempts.attempt IS
  'Its number, from 1.';
COMMENT ON COLUMN readmodel.delivery_attempts.succeeded IS
  'Whether the receiver answered 2xx.';
COMMENT ON COLUMN readmodel.delivery_attempts.http_status IS
  'What the receiver answered; null when it did not.';
COMMENT ON COLUMN readmodel.delivery_attempts.reason IS
  'Why it did not succeed.';
COMMENT ON COLUMN readmodel.delivery_attempts.latency_ms IS
  'How long the attempt took.';
COMMENT ON COLUMN readmodel.delivery_attempts.at IS
  'When it ended.';
COMMENT ON COLUMN readmodel.delivery_attempts.position IS
  'Of the event in the log.';
