ALTER TABLE readmodel.deliveries
  ALTER COLUMN execution_id DROP NOT NULL,
  ALTER COLUMN sequence DROP NOT NULL,
  ADD COLUMN endpoint_id text COLLATE "C",
  ADD COLUMN cause text COLLATE "C",
  ADD COLUMN http_status integer;
COMMENT ON COLUMN readmodel.deliveries.execution_id IS
  'What the event is of; null where it is not an execution''s.';
COMMENT ON COLUMN readmodel.deliveries.endpoint_id IS
  'The webhook endpoint it goes to; null where it goes to the webhook_url of its execution.';
COMMENT ON COLUMN readmodel.deliveries.cause IS
  'Why an exhausted one was given up.';
COMMENT ON COLUMN readmodel.deliveries.http_status IS
  'What the newest attempt was answered; null when it was not.';
CREATE INDEX deliveries_by_endpoint ON readmodel.deliveries (endpoint_id, scheduled_at, id)
  WHERE endpoint_id IS NOT NULL;
CREATE INDEX deliveries_by_execution ON readmodel.deliveries (execution_id);
CREATE INDEX deliveries_not_succeeded ON readmodel.deliveries (organization_id, scheduled_at, id)
  WHERE status <> 'SUCCEEDED';
CREATE INDEX deliveries_of_rare_types
  ON readmodel.deliveries (organization_id, event_type, scheduled_at, id)
  WHERE event_type <> 'execution.started' AND event_type <> 'execution.completed';

ALTER TABLE readmodel.delivery_attempts ADD COLUMN answer text;
COMMENT ON COLUMN readmodel.delivery_attempts.answer IS
  'The first characters of the receiver''s answer, where there were some at once.';

CREATE TABLE readmodel.endpoint_health (
  endpoint_id       text COLLATE "C" PRIMARY KEY,
  organization_id   text COLLATE "C" NOT NULL,
  failure_count     integer NOT NULL,
  last_success_at   timestamptz,
  last_failure_at   timestamptz,
  failing_since     timestamptz,
  tenth_failure_at  timestamptz,
  exhausted_in_row  integer NOT NULL,
  gone_at           timestamptz,
  recent_failures   json NOT NULL,
  position          bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX endpoint_health_failing ON readmodel.endpoint_health (failing_since)
  WHERE failing_since IS NOT NULL;
COMMENT ON TABLE readmodel.endpoint_health IS
  'How the attempts at each webhook endpoint went: what it is deactivated for.';
COMMENT ON COLUMN readmodel.endpoint_health.endpoint_id IS
  'we_<uuid>.';
COMMENT ON COLUMN readmodel.endpoint_health.organization_id IS
  'Whose endpoint it is.';
COMMENT ON COLUMN readmodel.endpoint_health.failure_count IS
  'Failed attempts since the last success.';
COMMENT ON COLUMN readmodel.endpoint_health.last_success_at IS
  'When it last answered 2xx.';
COMMENT ON COLUMN readmodel.endpoint_health.last_failure_at IS
  'When an attempt last failed.';
COMMENT ON COLUMN readmodel.endpoint_health.failing_since IS
  'The first failed attempt since the last success, or since it was activated.';
COMMENT ON COLUMN readmodel.endpoint_health.tenth_failure_at IS
  'The tenth newest of those failed attempts; null where there are fewer.';
COMMENT ON COLUMN readmodel.endpoint_health.exhausted_in_row IS
  'Deliveries that were exhausted since then, by attempts of ours.';
COMMENT ON COLUMN readmodel.endpoint_health.gone_at IS
  'When it answered 410 since then.';
COMMENT ON COLUMN readmodel.endpoint_health.recent_failures IS
  'When the newest failed attempts since then were, at most ten.';
COMMENT ON COLUMN readmodel.endpoint_health.position IS
  'Of the last event in this row.';
