/** What homes ask of PostgreSQL, and over which connections. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import type { StreamName } from '../../contracts/streams.js';

export interface Mail {
  readonly id: string;
  readonly channel: string;
  readonly tickets: string;
}

/** The session whose lock makes its process the home. Every call proves that it still is. */
export interface HomeSession {
  take(): Promise<readonly Mail[]>;
  /** Others may be home at once. */
  end(): Promise<void>;
  /** The session is lost or not trusted any more. */
  abandon(): void;
}

export interface HomeConnections {
  /** Whether nobody is home, at a fraction of what a session costs. */
  isFree(stream: StreamName): Promise<boolean>;
  /** Undefined while another session is home. */
  lock(stream: StreamName, channel: string): Promise<HomeSession | undefined>;
  /** False when nobody is home, as far as the table tells. */
  post(letter: {
    readonly id: string;
    readonly stream: StreamName;
    readonly channel: string;
    readonly text: string;
    /** Whether its home is to be woken. */
    readonly isAsleep: boolean;
  }): Promise<boolean>;
  /** False when it was taken. */
  withdraw(id: string): Promise<boolean>;
  notify(channels: readonly string[], payloads: readonly string[]): Promise<void>;
  /** A connection that listens. */
  listen(channel: string): Promise<pg.Client>;
  close(): Promise<void>;
}

/** A home that stands still is home no more after this. */
const STANDSTILL_MS = 1_500;
const ANSWER_MS = 1_500;

export function openHomeConnections(url: string, homesMax: number): HomeConnections {
  const common = {
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  };
  const talk = quiet(
    new pg.Pool({
      ...{ ...common, max: 2, idleTimeoutMillis: 60_000, application_name: 'modelroute mail' },
      options: '-c synchronous_commit=off',
    }),
  );
  const homes = quiet(
    new pg.Pool({
      ...{ ...common, max: homesMax, idleTimeoutMillis: 1, application_name: 'modelroute home' },
      options: `-c synchronous_commit=off -c idle_session_timeout=${STANDSTILL_MS}`,
    }),
  );
  return {
    async isFree(stream) {
      const look = `SELECT pg_try_advisory_xact_lock(${keyOf(stream)}) AS free`;
      const { rows } = await talk.query<{ free: boolean }>(look);
      return rows[0]?.free === true;
    },
    async lock(stream, channel) {
      const client = await homes.connect();
      try {
        const lock = `SELECT pg_try_advisory_lock(${keyOf(stream)}) AS held`;
        const { rows } = await client.query<{ held: boolean }>(lock);
        if (!rows[0]?.held) {
          client.release();
          return undefined;
        }
        await client.query(BE_HOME, [stream, channel]);
        return sessionOf(client, stream);
      } catch (error) {
        client.release(true);
        throw error;
      }
    },
    async post({ id, stream, channel, text, isAsleep }) {
      const values = [id, stream, channel, text, isAsleep];
      const { rows } = await talk.query<{ woken: string | null }>({
        ...{ name: 'post-mail', text: POST, values },
      });
      return rows[0]?.woken !== null;
    },
    withdraw: async (id) => (await talk.query(WITHDRAW, [id])).rowCount === 1,
    async notify(channels, payloads) {
      await talk.query({ name: 'answer-mail', text: NOTIFY, values: [channels, payloads] });
    },
    async listen(channel) {
      const client = new pg.Client({ ...common, application_name: 'modelroute letterbox' });
      client.on('error', () => undefined);
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
      return client;
    },
    async close() {
      await Promise.all([talk.end(), homes.end()]);
    },
  };
}

function sessionOf(client: pg.PoolClient, stream: StreamName): HomeSession {
  let isReleased = false;
  // The lock goes with the session; a session that could not say goodbye is left once all the same.
  const release = () => {
    if (!isReleased) client.release(true);
    isReleased = true;
  };
  return {
    async take() {
      const taken = await client.query<Mail>({ name: 'take-mail', text: TAKE, values: [stream] });
      return taken.rows;
    },
    async end() {
      try {
        await client.query(LEAVE, [stream]);
      } finally {
        release();
      }
    },
    abandon: release,
  };
}

/** A lost connection is told by the query that needed it. */
function quiet(pool: pg.Pool): pg.Pool {
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

/** Advisory locks are numbers; two accounts of one number could only not be at home at once. */
const keyOf = (stream: StreamName): bigint =>
  createHash('sha256').update(`home of ${stream}`).digest().readBigInt64BE();

/** Mail that nobody took belongs to senders that are gone. */
const BE_HOME = `
  WITH swept AS (
    DELETE FROM deciding.mail WHERE posted_at < clock_timestamp() - interval '1 minute'
  )
  INSERT INTO deciding.homes (stream, channel) VALUES ($1, $2)
  ON CONFLICT (stream) DO UPDATE SET channel = excluded.channel`;

const LEAVE = 'DELETE FROM deciding.homes WHERE stream = $1';

const POST = `
  WITH posted AS (
    INSERT INTO deciding.mail (id, stream, channel, tickets) VALUES ($1, $2, $3, $4)
  )
  SELECT (
    SELECT CASE WHEN $5::boolean THEN pg_notify(channel, $2)::text ELSE '' END
    FROM deciding.homes WHERE stream = $2
  ) AS woken`;

const WITHDRAW = 'DELETE FROM deciding.mail WHERE id = $1';

/**
 * What is older than anybody waits for is left alone: its sender withdraws it, or is gone, and by
 * now its command may have been repeated, and what came of it be over.
 */
const TAKE = `
  DELETE FROM deciding.mail
  WHERE stream = $1 AND posted_at > clock_timestamp() - interval '2.5 seconds'
  RETURNING id, channel, tickets`;

const NOTIFY = 'SELECT pg_notify(c, p) FROM unnest($1::text[], $2::text[]) AS a (c, p)';
