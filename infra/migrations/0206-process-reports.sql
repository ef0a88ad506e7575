CREATE UNLOGGED TABLE processing.process_reports (
  instance    text        PRIMARY KEY,
  report      jsonb       NOT NULL,
  reported_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
COMMENT ON TABLE processing.process_reports IS
  'What each process that runs executions has at providers and in memory, for operators.';
