-- Unlogged: after a crash of the server every limit is free, which is what it is after a minute anyway.
CREATE UNLOGGED TABLE processing.request_limits (
  limit_name text COLLATE "C" PRIMARY KEY,
  spending   jsonb            NOT NULL,
  touched_at timestamptz      NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE processing.request_limits IS
  'What the processes together have spent of each limit of requests, by the clock of this database.';
COMMENT ON COLUMN processing.request_limits.spending IS
  'The bucket and the cells of the last minute, as domain/rate-limit/request-limit.ts has them.';
COMMENT ON COLUMN processing.request_limits.touched_at IS
  'A row that was not touched for some minutes says nothing, and is deleted.';
