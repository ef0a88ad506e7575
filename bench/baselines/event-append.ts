/**
 * Both sides of R9: appenders of three events each, every append a new stream.
 *
 *   ordered   the event store as the system uses it: expected revisions checked, positions given
 *             out under the append lock
 *   plain     the same encoding, group commit, connection and arrays, into a table whose position
 *             is a bigserial: no lock, no look at the stream's end
 */
import pg from 'pg';
import pino from 'pino';
import type { AppendOutcome, AppendUnit } from '../../infra/event-store/port.js';
import { createCodec } from '../../infra/event-store/codec.js';
import { encodeUnit, type EncodedUnit } from '../../infra/event-store/unit.js';
import { int4Array, textArray, uuidArray } from '../../infra/event-store/postgres/binary-arrays.js';
import { createGroupCommit } from '../../infra/event-store/postgres/group-commit.js';
import { openPostgresEventStore } from '../../infra/event-store/postgres/postgres.js';
import { WRITE_SETTINGS } from '../../infra/event-store/postgres/settings.js';
import { EVENTS_PER_APPEND, newStream } from './new-stream.js';
import { servePart } from './part.js';
import type { Timed } from './loops.js';

export interface AppendConfig {
  readonly url: string;
  readonly kind: 'ordered' | 'plain';
  readonly appenders: number;
}

export interface Appended {
  /** Appends that were answered within the time, per second. */
  readonly perSecond: number;
  /** Of all appends of the turn. */
  readonly events: number;
}

interface Target {
  append(unit: AppendUnit): Promise<readonly AppendOutcome[]>;
  close(): Promise<void>;
}

const log = pino({ level: 'silent' });

servePart<AppendConfig, null, Timed, Appended>(async ({ url, kind, appenders }) => {
  const target = kind === 'ordered' ? openPostgresEventStore({ url, log }) : await openPlain(url);
  return {
    ready: null,
    async answer({ seconds }) {
      const deadline = performance.now() + seconds * 1000;
      let inTime = 0;
      let events = 0;
      async function appender(): Promise<void> {
        while (performance.now() < deadline) {
          const [outcome] = await target.append(newStream());
          if (outcome?.status !== 'appended') throw new Error(`append: ${outcome?.status}`);
          events += EVENTS_PER_APPEND;
          if (performance.now() <= deadline) inTime++;
        }
      }
      await Promise.all(Array.from({ length: appenders }, appender));
      return { perSecond: inTime / seconds, events };
    },
    close: () => target.close(),
  };
});

const plainSql = `
  INSERT INTO plain_events (stream, revision, id, type, data, metadata)
  SELECT * FROM unnest($1::text[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::text[])`;

async function openPlain(url: string): Promise<Target> {
  const codec = createCodec(log);
  const client = new pg.Client({ connectionString: url, options: WRITE_SETTINGS });
  await client.connect();

  async function write(units: readonly EncodedUnit[]): Promise<readonly AppendOutcome[][]> {
    const appends = units.flatMap((unit) => unit.appends);
    const rows = appends.flatMap(({ stream, expectedRevision, events }) =>
      events.map((event, n) => ({ ...event, stream, revision: expectedRevision + 1 + n })),
    );
    const values = [
      ...[textArray(rows.map(({ stream }) => stream))],
      ...[int4Array(rows.map(({ revision }) => revision)), uuidArray(rows.map(({ id }) => id))],
      ...[textArray(rows.map(({ type }) => type)), textArray(rows.map(({ data }) => data))],
      textArray(rows.map(({ metadata }) => metadata)),
    ];
    await client.query({ name: 'plain', text: plainSql, values });
    return units.map(({ appends: own }) =>
      own.map(({ events }) => ({ status: 'appended', revision: events.length - 1, position: 0n })),
    );
  }

  const bounds = { queueUnitsMax: 10_000, queueBytesMax: 64 * 1024 * 1024, timeoutMs: 10_000 };
  const commit = createGroupCommit({ write, ...bounds });
  return {
    append: async (unit) => commit.submit(encodeUnit(codec, unit)),
    async close() {
      await commit.drain();
      await client.end();
    },
  };
}
