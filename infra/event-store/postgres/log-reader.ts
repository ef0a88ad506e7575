/** Reading streams and the log, each in as few statements as the questions allow. */
import type { StreamName } from '../../../contracts/streams.js';
import type { LogRow } from '../codec.js';
import type { LogReader } from '../log-reader.js';
import { isOutage } from '../outage.js';
import { START, type Position } from '../port.js';
import { int4Array, int8Array, textArray } from './binary-arrays.js';
import type { Connections } from './connections.js';
import { createBatchLoader } from '../../concurrency/batch-loader.js';
import { sql } from './sql.js';

/** Streams in a statement, and statements at a time: a long stream does not hold up short ones. */
const STREAMS_MAX = 256;
const STREAM_READS_MAX = 2;

/** Positions that one page looks through when a filter passes few of them. */
const SCANNED_MAX = 20_000;

const INT4_MAX = 2 ** 31 - 1;

const [streamsSql, forwardSql, backwardSql] = [
  sql('read-streams'),
  sql('read-stream-forward'),
  sql('read-stream-backward'),
];
const [logSql, atSql] = [sql('read-log'), sql('read-at')];
const [newestSql, headSql] = [sql('read-newest'), sql('read-head')];

/** Pages go over connections of their own, so that catching up holds no reader of streams up. */
export function createLogReader(reading: Connections, scanning: Connections): LogReader {
  const query: Connections['query'] = (...asked) => reading.query(...asked);

  const wholeStream = wholeStreams(query);

  async function head(): Promise<Position> {
    const [row] = await query('read-head', headSql, []);
    return row ? BigInt(row[0] as string) : START;
  }

  return {
    async stream(stream, { fromRevision, direction = 'forward', limit }) {
      if (direction === 'forward' && limit === undefined)
        return wholeStream({ stream, from: revisionIn(fromRevision ?? 0) });
      const forward = direction === 'forward';
      const from = revisionIn(fromRevision ?? (forward ? 0 : INT4_MAX));
      const values = [stream, from, limit ?? null];
      const rows = forward
        ? await query('read-stream-forward', forwardSql, values)
        : await query('read-stream-backward', backwardSql, values);
      return rows.map((row) => rowOf(stream, row as StreamColumns));
    },

    async page(after, limit, { categories, types }) {
      const scanned = categories || types ? SCANNED_MAX : INT4_MAX;
      // One row more than wanted shows whether there is anything behind the last one.
      const values = [after, scanned, limit + 1, categories ?? null, types ?? null];
      const found = await scanning.query('read-log', logSql, values);
      const head = BigInt(found[0]?.[0] as string);
      const rows = found
        .slice(0, limit)
        .filter((row) => row[1] !== null)
        .map(([, ...row]) => rowWithStream(row));
      const last = rows.at(-1);
      if (found.length > limit && last) return { rows, position: last.position, caughtUp: false };
      const looked = after + BigInt(scanned);
      return looked < head
        ? { rows, position: looked, caughtUp: false }
        : { rows, position: head, caughtUp: true };
    },

    async at(places) {
      const positions = int8Array(places.map(({ position }) => position));
      return (await scanning.query('read-at', atSql, [positions])).map(rowWithStream);
    },

    async newest(limit) {
      const found = await scanning.query('read-newest', newestSql, [limit]);
      return found.map(rowWithStream).reverse();
    },

    head,

    /** Positions have no gaps. */
    place: async (position) => (position <= (await head()) ? 'event' : 'behind'),
  };
}

/** Streams from a revision on, many in a statement. */
function wholeStreams(query: Connections['query']) {
  return createBatchLoader<Wanted, readonly LogRow[]>({
    nameOf: ({ stream, from }) => `${from} ${stream}`,
    keysMax: STREAMS_MAX,
    inFlightMax: STREAM_READS_MAX,
    isOutage,
    async load(wanted) {
      const streams = textArray(wanted.map(({ stream }) => stream));
      const from = int4Array(wanted.map(({ from }) => from));
      const answers = wanted.map((): LogRow[] => []);
      for (const row of await query('read-streams', streamsSql, [streams, from])) {
        const index = Number(row[0]) - 1;
        const stream = wanted[index]?.stream;
        if (stream) answers[index]?.push(rowOf(stream, row as StreamColumns));
      }
      return answers;
    },
  });
}

interface Wanted {
  readonly stream: StreamName;
  readonly from: number;
}

type StreamColumns = [
  n: unknown,
  revision: number,
  position: string,
  id: string,
  type: string,
  data: string,
  metadata: string,
];

function rowOf(
  stream: StreamName,
  [, revision, position, id, type, data, metadata]: StreamColumns,
): LogRow {
  return { stream, revision, position: BigInt(position), id, type, data, metadata };
}

const rowWithStream = ([stream, ...row]: readonly unknown[]): LogRow =>
  rowOf(stream as StreamName, [0, ...row] as StreamColumns);

/** Any revision that a caller may name, as near as the column can hold it. */
const revisionIn = (revision: number): number => Math.max(-1, Math.min(revision, INT4_MAX));
