CREATE TABLE processing.limit_shares (
  limit_name text             NOT NULL,
  holder     text             NOT NULL,
  share      double precision NOT NULL,
  demand     double precision NOT NULL,
  ttl_ms     integer          NOT NULL,
  expires_at timestamptz      NOT NULL,
  PRIMARY KEY (limit_name, holder)
) WITH (fillfactor = 50);
COMMENT ON TABLE processing.limit_shares IS
  'Which part of a limit a process may use until when, by the clock of this database. Those of one
   limit that have not ended never add up to more than it.';
COMMENT ON COLUMN processing.limit_shares.share IS 'Per minute, in the unit of the limit.';
COMMENT ON COLUMN processing.limit_shares.demand IS 'What the process could use in a minute.';
