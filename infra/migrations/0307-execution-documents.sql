-- The rows of version 1 become documents here, so that reads are never empty: the projection's
-- version 2 then builds them anew from the log beside these and takes their place.
CREATE FUNCTION pg_temp.money(micros bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT micros / 1000000 || '.' || CASE
    WHEN micros % 1000 = 0 THEN left(lpad((micros % 1000000)::text, 6, '0'), 3)
    ELSE rtrim(lpad((micros % 1000000)::text, 6, '0'), '0')
  END
$$;
CREATE FUNCTION pg_temp.moment(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(at AT TIME ZONE 'UTC', '"\""YYYY-MM-DD"T"HH24:MI:SS.MS"Z\""')
$$;

CREATE TABLE readmodel.executions__documents (
  id              text COLLATE "C" NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  model           text COLLATE "C" NOT NULL,
  status          text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  output          json,
  body            json NOT NULL,
  revision        integer NOT NULL,
  position        bigint NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_insert_scale_factor = 0.5);

INSERT INTO readmodel.executions__documents
SELECT e.id, e.organization_id, e.model, e.status, e.created_at, e.output,
  concat(
    '{"id":', to_json(e.id), ',"status":', to_json(e.status), ',"model":', to_json(e.model),
    ',"estimated_cost":"', pg_temp.money(e.estimated_cost_micros),
    '","hold_amount":"', pg_temp.money(e.hold_micros),
    '","cost":', coalesce('"' || pg_temp.money(e.cost_micros) || '"', 'null'),
    ',"latency_ms":', coalesce(e.latency_ms::text, 'null'),
    ',"created_at":', pg_temp.moment(e.created_at),
    ',"expires_at":', pg_temp.moment(e.expires_at),
    ',"started_at":', coalesce(pg_temp.moment(e.started_at), 'null'),
    ',"completed_at":', coalesce(pg_temp.moment(e.completed_at), 'null'),
    ',"metadata":', e.metadata,
    ',"result":' || e.summary::text,
    ',"error":' || e.error::text,
    '}'
  )::json,
  e.revision, e.position
FROM readmodel.executions e;

DROP FUNCTION pg_temp.money(bigint);
DROP FUNCTION pg_temp.moment(timestamptz);
DROP TABLE readmodel.executions;
ALTER TABLE readmodel.executions__documents RENAME TO executions;
ALTER TABLE readmodel.executions ADD CONSTRAINT executions_pkey PRIMARY KEY (id);
-- No index has a column that changes, so that an update within a page touches none of them.
CREATE INDEX executions_by_time ON readmodel.executions (organization_id, created_at, id);
CREATE INDEX executions_by_model ON readmodel.executions (organization_id, model, created_at, id);

COMMENT ON TABLE readmodel.executions IS
  'Every accepted execution as its owner sees it; no provider shows.';
COMMENT ON COLUMN readmodel.executions.id IS
  'exec_<uuid>; its stream is execution-<id>.';
COMMENT ON COLUMN readmodel.executions.organization_id IS
  'Whose it is.';
COMMENT ON COLUMN readmodel.executions.model IS
  'The model''s public slug.';
COMMENT ON COLUMN readmodel.executions.status IS
  'The public status.';
COMMENT ON COLUMN readmodel.executions.created_at IS
  'When it was accepted.';
COMMENT ON COLUMN readmodel.executions.output IS
  'Where the canonical output is stored: ref, sha256, bytes; null unless completed.';
COMMENT ON COLUMN readmodel.executions.body IS
  'The public body. json, not jsonb: the text is served as it is, and may name U+0000.';
COMMENT ON COLUMN readmodel.executions.revision IS
  'Of the last event of its stream that is in this row.';
COMMENT ON COLUMN readmodel.executions.position IS
  'Of the same event in the log.';
