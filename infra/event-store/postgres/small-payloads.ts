/** The payloads beside the log: written by the group commit, read many at a time. */
import { isOutage } from '../outage.js';
import type { Payload } from '../port.js';
import { storeCall } from '../store-calls.js';
import { payloadUnit } from '../unit.js';
import { textArray } from './binary-arrays.js';
import type { Connections } from './connections.js';
import type { GroupCommit } from './group-commit.js';
import { createBatchLoader } from '../../concurrency/batch-loader.js';
import { sql } from './sql.js';

export interface SmallPayloads {
  /** Durable when it resolves; the first bytes under a ref stay. */
  put(payload: Payload): Promise<void>;
  get(ref: string): Promise<Buffer | undefined>;
  remove(ref: string): Promise<void>;
}

const REFS_MAX = 64;
const READS_MAX = 2;

const [readSql, removeSql] = [sql('read-payloads'), sql('remove-payload')];

export function createSmallPayloads(
  reading: Connections,
  writing: Connections,
  commit: GroupCommit,
): SmallPayloads {
  const get = createBatchLoader<string, Buffer | undefined>({
    nameOf: (ref) => ref,
    keysMax: REFS_MAX,
    inFlightMax: READS_MAX,
    isOutage,
    async load(refs) {
      const rows = await reading.query('read-payloads', readSql, [textArray(refs)]);
      const found = new Map(rows as [string, Buffer][]);
      return refs.map((ref) => found.get(ref));
    },
  });
  return {
    async put(payload) {
      const put = () => commit.submit(payloadUnit([payload]));
      await storeCall('payloads', () => [payload.ref], put);
    },
    get: (ref) =>
      storeCall(
        'payloads',
        () => [ref],
        () => get(ref),
      ),
    async remove(ref) {
      await writing.query('remove-payload', removeSql, [ref]);
    },
  };
}
