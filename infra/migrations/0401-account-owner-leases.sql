DROP TABLE deciding.mail;
DROP TABLE deciding.homes;

CREATE UNLOGGED TABLE deciding.account_owners (
  stream     text        COLLATE "C" PRIMARY KEY,
  holder     text        NOT NULL,
  address    text        NOT NULL,
  token      bigint      NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE deciding.account_owners IS
  'Leases of contested accounts: the process that decides their commands. It speeds up and does '
  'not protect: what lands is decided by the expected revision alone.';
COMMENT ON COLUMN deciding.account_owners.address IS
  'host:port of the internal listener to which other processes forward their commands.';
COMMENT ON COLUMN deciding.account_owners.token IS
  'Fencing token: grows with every grant; a forwarded command names it.';
COMMENT ON COLUMN deciding.account_owners.expires_at IS
  'By this database''s clock. -infinity: released.';
