CREATE TABLE processing.leases (
  name       text        PRIMARY KEY,
  holder     text        NOT NULL,
  token      bigint      NOT NULL,
  ttl_ms     integer     NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE processing.leases IS
  'Who alone may do a named work until when, by the clock of this database.';
COMMENT ON COLUMN processing.leases.token IS
  'Grows with every grant, so that a holder that lost its lease can be told from the next.';
