CREATE TABLE readmodel.timers (
  id              text COLLATE "C" PRIMARY KEY,
  kind            text COLLATE "C" NOT NULL,
  stream          text COLLATE "C" NOT NULL,
  due_at          timestamptz NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  execution_id    text COLLATE "C" NOT NULL,
  attempt         integer,
  hold_id         text COLLATE "C",
  delivery_id     text COLLATE "C",
  position        bigint NOT NULL
) WITH (
  fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000
);
CREATE INDEX timers_by_due ON readmodel.timers (due_at, id);
COMMENT ON TABLE readmodel.timers IS
  'What must happen by when, unless an event makes it needless first. A row per kind and subject.';
COMMENT ON COLUMN readmodel.timers.id IS
  '<kind>/<id of its subject>.';
COMMENT ON COLUMN readmodel.timers.kind IS
  'expire-execution, attempt-deadline, retry-attempt, attempt-webhook or reconcile-hold.';
COMMENT ON COLUMN readmodel.timers.stream IS
  'The stream whose state decides what is to be done.';
COMMENT ON COLUMN readmodel.timers.due_at IS
  'The scheduler acts from then on until the row is gone.';
COMMENT ON COLUMN readmodel.timers.organization_id IS
  'Whose execution it is about.';
COMMENT ON COLUMN readmodel.timers.execution_id IS
  'The execution that it is about.';
COMMENT ON COLUMN readmodel.timers.attempt IS
  'The provider attempt whose deadline it is, or that failed; the delivery attempts made so far.';
COMMENT ON COLUMN readmodel.timers.hold_id IS
  'The hold to reconcile.';
COMMENT ON COLUMN readmodel.timers.delivery_id IS
  'The delivery to attempt.';
COMMENT ON COLUMN readmodel.timers.position IS
  'Of the event that set it.';
