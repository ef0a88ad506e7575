/** Snapshots: one row per stream, the newest of its shape. */
import type { StreamName } from '../../../contracts/streams.js';
import type { Snapshot } from '../port.js';
import type { Connections } from './connections.js';
import { sql } from './sql.js';

export interface Snapshots {
  read(stream: StreamName): Promise<Snapshot | undefined>;
  write(stream: StreamName, snapshot: Snapshot<string | Buffer>): Promise<void>;
}

const [readSql, writeSql] = [sql('read-snapshot'), sql('write-snapshot')];

export function createSnapshots(reading: Connections, writing: Connections): Snapshots {
  return {
    async read(stream) {
      const [row] = await reading.query('read-snapshot', readSql, [stream]);
      if (!row) return undefined;
      const [revision, version, state] = row as [number, number, string];
      return { revision, version, state };
    },
    async write(stream, { revision, version, state }) {
      await writing.query('write-snapshot', writeSql, [stream, revision, version, state]);
    },
  };
}
