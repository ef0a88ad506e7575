CREATE SCHEMA eventstore;
COMMENT ON SCHEMA eventstore IS
  'The log and what is kept beside it. Written only through eventstore.append and its neighbours.';

CREATE TABLE eventstore.events (
  position bigint PRIMARY KEY,
  stream   text COLLATE "C" NOT NULL,
  revision integer NOT NULL,
  id       uuid NOT NULL,
  type     text COLLATE "C" NOT NULL,
  data     text NOT NULL,
  metadata text NOT NULL,
  CONSTRAINT events_stream_revision UNIQUE (stream, revision)
);
COMMENT ON TABLE eventstore.events IS
  'Every event there is. Rows are inserted and never changed; position order is commit order.';
COMMENT ON COLUMN eventstore.events.position IS
  'Place in the whole log. Given out under the append lock, which is held until the commit is seen.';
COMMENT ON COLUMN eventstore.events.stream IS
  'Whose history the event belongs to: <category>-<id>.';
COMMENT ON COLUMN eventstore.events.revision IS
  'Place within the stream, from 0, without gaps.';
COMMENT ON COLUMN eventstore.events.id IS
  'Chosen by the writer; by it a repeated append is recognised.';
COMMENT ON COLUMN eventstore.events.type IS
  'The past-tense name of the fact; names the schema of data.';
COMMENT ON COLUMN eventstore.events.data IS
  'JSON, kept as text: jsonb refuses some strings that JSON allows, and would have to be parsed.';
COMMENT ON COLUMN eventstore.events.metadata IS
  'JSON: correlation, causation, actor, time, schema version.';

CREATE TABLE eventstore.payloads (
  ref             text COLLATE "C" PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  bytes           bytea NOT NULL
);
ALTER TABLE eventstore.payloads ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE eventstore.payloads IS
  'Small prompts and outputs that events refer to. Written once; deleted when erasure is asked for.';
COMMENT ON COLUMN eventstore.payloads.ref IS
  'The name by which events refer to the bytes.';
COMMENT ON COLUMN eventstore.payloads.organization_id IS
  'Whose bytes they are.';
COMMENT ON COLUMN eventstore.payloads.bytes IS
  'The bytes, uncompressed; their SHA-256 is in the event that refers to them.';

CREATE TABLE eventstore.snapshots (
  stream   text COLLATE "C" PRIMARY KEY,
  revision integer NOT NULL,
  version  integer NOT NULL,
  state    text NOT NULL
);
COMMENT ON TABLE eventstore.snapshots IS
  'A stream''s state at a revision. A cache: deleting every row loses nothing but time.';
COMMENT ON COLUMN eventstore.snapshots.stream IS
  'The stream that was folded.';
COMMENT ON COLUMN eventstore.snapshots.revision IS
  'Revision of the last event in the state.';
COMMENT ON COLUMN eventstore.snapshots.version IS
  'Shape of the state; readers ignore a shape that they do not know.';
COMMENT ON COLUMN eventstore.snapshots.state IS
  'The state as its decider wrote it.';

CREATE FUNCTION eventstore.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the event log is append-only: % is denied', TG_OP
    USING ERRCODE = 'insufficient_privilege';
END
$$;

-- ALWAYS, so that session_replication_role does not switch it off. Inserts never meet it.
CREATE TRIGGER events_are_never_changed
  BEFORE UPDATE OR DELETE OR TRUNCATE ON eventstore.events
  FOR EACH STATEMENT EXECUTE FUNCTION eventstore.refuse_change();
ALTER TABLE eventstore.events ENABLE ALWAYS TRIGGER events_are_never_changed;
REVOKE UPDATE, DELETE, TRUNCATE ON eventstore.events FROM PUBLIC;
