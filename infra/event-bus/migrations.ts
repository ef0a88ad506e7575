/** The schema `processing`: what the consumers of the log keep about themselves. Ids 200–299. */

export const processingMigrations: readonly {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}[] = [
  {
    id: 200,
    name: 'processing: checkpoints and parked wakes',
    sql: `
      CREATE SCHEMA IF NOT EXISTS processing;

      CREATE TABLE processing.checkpoints (
        group_name text        PRIMARY KEY,
        position   bigint      NOT NULL,
        saved_at   timestamptz NOT NULL DEFAULT clock_timestamp()
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE processing.checkpoints IS
        'How far each processor group has come in the log.';
      COMMENT ON COLUMN processing.checkpoints.position IS
        'Every wanted event at or below it is handled or parked. Never moves back.';

      CREATE TABLE processing.parked_wakes (
        group_name      text        NOT NULL,
        stream          text        NOT NULL,
        revision        integer     NOT NULL,
        type            text        NOT NULL,
        position        bigint      NOT NULL,
        attempts        integer     NOT NULL,
        error           text        NOT NULL,
        parked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        retry_requested boolean     NOT NULL DEFAULT false,
        PRIMARY KEY (group_name, stream, revision)
      );
      CREATE INDEX parked_wakes_retry ON processing.parked_wakes (group_name)
        WHERE retry_requested;
      COMMENT ON TABLE processing.parked_wakes IS
        'Wakes that a group gave up after its bounded attempts; an operator may ring them again.';
      COMMENT ON COLUMN processing.parked_wakes.retry_requested IS
        'Set by an operator; the row goes when the wake is handled, the mark when it fails again.';
    `,
  },
  {
    id: 201,
    name: 'processing: leases',
    sql: `
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
    `,
  },
  {
    // Losing it rings some wakes again, so it is worth no write-ahead log.
    id: 202,
    name: 'processing: handled wakes',
    sql: `
      CREATE UNLOGGED TABLE processing.handled_wakes (
        id         bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        group_name text     NOT NULL,
        highest    bigint   NOT NULL,
        positions  bigint[] NOT NULL
      );
      CREATE INDEX handled_wakes_group ON processing.handled_wakes (group_name, id);
      COMMENT ON TABLE processing.handled_wakes IS
        'What the members of a group finished above its checkpoint, while Kafka delivers.';
      COMMENT ON COLUMN processing.handled_wakes.highest IS
        'The highest of the positions: at or below the checkpoint, the row has served.';
    `,
  },
  {
    // That of an unlogged table begins again after a crash, and the sweep would look behind it.
    id: 203,
    name: 'processing: handled wakes are numbered on after a crash',
    sql: `
      CREATE SEQUENCE processing.handled_wakes_number;
      SELECT setval(
        'processing.handled_wakes_number',
        nextval(pg_get_serial_sequence('processing.handled_wakes', 'id'))
      );
      ALTER TABLE processing.handled_wakes
        ALTER COLUMN id DROP IDENTITY,
        ALTER COLUMN id SET DEFAULT nextval('processing.handled_wakes_number');
      COMMENT ON SEQUENCE processing.handled_wakes_number IS
        'Of processing.handled_wakes: by it the sweep knows which rows it has read.';
    `,
  },
  {
    // Checkpoints of before were of the log in this database: there was no other store.
    id: 290,
    name: 'processing: whose positions these are',
    sql: `
      CREATE TABLE processing.log_identity (
        "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
        kind   text    NOT NULL,
        first  jsonb,
        known  jsonb,
        head   bigint  NOT NULL
      );
      INSERT INTO processing.log_identity (kind, head)
      SELECT 'postgres', -1
      WHERE EXISTS (SELECT FROM processing.checkpoints WHERE position >= 0);
      COMMENT ON TABLE processing.log_identity IS
        'The log that all positions in this database belong to. One row, or none before the first.';
      COMMENT ON COLUMN processing.log_identity.kind IS
        'Where it lies: postgres (this database) or eventstoredb.';
      COMMENT ON COLUMN processing.log_identity.first IS
        'Its first event: position, stream, revision, id.';
      COMMENT ON COLUMN processing.log_identity.known IS
        'Another event of it, by which a copy with other positions is told apart.';
      COMMENT ON COLUMN processing.log_identity.head IS
        'How far it was known to reach at the last start.';
    `,
  },
  {
    // Doorbells of a release without epochs, and the epoch of what it wrote, are the first one.
    id: 291,
    name: 'processing: since when these positions hold',
    sql: `
      ALTER TABLE processing.log_identity ADD COLUMN epoch text NOT NULL DEFAULT '0';
      COMMENT ON COLUMN processing.log_identity.epoch IS
        'Another one after every move: who was started in an older one writes no position here.';
    `,
  },
];
