COMMENT ON COLUMN readmodel.timers.id IS
  '<kind>/<id of its subject>; a poll-provider-job has the id of its attempt''s deadline.';
COMMENT ON COLUMN readmodel.timers.kind IS
  'expire-execution, attempt-deadline, poll-provider-job, retry-attempt, attempt-webhook or reconcile-hold.';
