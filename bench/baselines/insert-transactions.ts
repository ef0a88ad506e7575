/**
 * Baseline of R1: what a hand-written service would do at the least. 64 clients, each in a loop:
 * BEGIN, one INSERT of the payload, two of the events, COMMIT. The tables have the columns and
 * indexes that any event log needs (a place in the log, one row per stream and revision, a payload
 * by its name); the bytes of each row are those that the system wrote for one accept.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { AcceptBytes } from '../log-check.js';
import { servePart } from './part.js';
import { countInLoops, type Count, type Timed } from './loops.js';

export interface InsertConfig {
  readonly url: string;
  readonly clients: number;
  readonly bytes: AcceptBytes;
}

const TABLES = `
  CREATE TABLE events (
    position bigserial PRIMARY KEY,
    stream   text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    id       uuid NOT NULL,
    type     text COLLATE "C" NOT NULL,
    data     text NOT NULL,
    metadata text NOT NULL,
    UNIQUE (stream, revision)
  );
  CREATE TABLE payloads (
    ref             text COLLATE "C" PRIMARY KEY,
    organization_id text COLLATE "C" NOT NULL,
    bytes           bytea STORAGE EXTERNAL NOT NULL
  )`;

const insertPayload = {
  name: 'payload',
  text: 'INSERT INTO payloads (ref, organization_id, bytes) VALUES ($1, $2, $3)',
};
const insertEvent = {
  name: 'event',
  text: `INSERT INTO events (stream, revision, id, type, data, metadata)
    VALUES ($1, $2, $3, $4, $5, $6)`,
};

servePart<InsertConfig, null, Timed, Count>(async ({ url, clients, bytes }) => {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  await owner.query(TABLES);
  await owner.end();
  const { payload, hold, request } = bytes;
  const input = Buffer.alloc(payload, 'x');
  const [holdData, holdMetadata] = ['x'.repeat(hold.data), 'x'.repeat(hold.metadata)];
  const [requestData, requestMetadata] = ['x'.repeat(request.data), 'x'.repeat(request.metadata)];
  const accounts = Array.from({ length: clients }, () => ({
    id: `org_${randomUUID()}`,
    revision: 0,
  }));

  async function transaction(client: pg.Client, user: number): Promise<void> {
    const account = accounts[user];
    if (!account) throw new Error(`there is no user ${user}`);
    const execution = `exec_${randomUUID()}`;
    const ref = `${Date.now().toString(36)}/${execution}/input/0123456789abcdef`;
    const held = [`account-${account.id}`, account.revision++, randomUUID(), 'HoldPlaced'];
    const requested = [`execution-${execution}`, 0, randomUUID(), 'ExecutionRequested'];
    await client.query('BEGIN');
    await client.query({ ...insertPayload, values: [ref, account.id, input] });
    await client.query({ ...insertEvent, values: [...held, holdData, holdMetadata] });
    await client.query({ ...insertEvent, values: [...requested, requestData, requestMetadata] });
    await client.query('COMMIT');
  }

  return {
    ready: null,
    answer: ({ seconds }) => countInLoops({ url, clients, seconds, once: transaction }),
    close: async () => undefined,
  };
});
