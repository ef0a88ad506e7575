CREATE SCHEMA deciding;

CREATE UNLOGGED TABLE deciding.homes (
  stream  text COLLATE "C" PRIMARY KEY,
  channel text NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE deciding.homes IS
  'Where the process listens that decides for a contested account. Who it is, an advisory '
  'lock decides; this only tells whom to wake.';

CREATE UNLOGGED TABLE deciding.mail (
  id        text        COLLATE "C" PRIMARY KEY,
  stream    text        COLLATE "C" NOT NULL,
  channel   text        NOT NULL,
  tickets   text        NOT NULL,
  posted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX mail_stream ON deciding.mail (stream);
COMMENT ON TABLE deciding.mail IS
  'Commands on contested accounts on their way to the process that decides. Rows are taken '
  'by deleting them, so each is decided at most once. Lives for milliseconds.';
COMMENT ON COLUMN deciding.mail.channel IS
  'Where the sender listens for the answers.';
