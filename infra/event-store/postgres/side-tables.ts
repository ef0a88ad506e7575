/**
 * Small payloads and snapshots beside a log that is stored elsewhere. The tables are those
 * of `eventStoreMigrations`; the log's own stays empty. Payloads of all who wait go into one
 * statement, without the append lock: nothing here has an order.
 */
import { performance } from 'node:perf_hooks';
import type { StoreLog } from '../codec.js';
import { StoreUnavailable, type Payload } from '../port.js';
import { storeCall } from '../store-calls.js';
import { payloadUnit, type EncodedUnit } from '../unit.js';
import { byteaArray, textArray } from './binary-arrays.js';
import { openConnections } from './connections.js';
import { createGroupCommit, type UnitResult } from './group-commit.js';
import { READ_SETTINGS, WRITE_SETTINGS } from './settings.js';
import { createSmallPayloads, type SmallPayloads } from './small-payloads.js';
import { createSnapshots, type Snapshots } from './snapshots.js';
import { sql } from './sql.js';

interface SideTablesOptions {
  readonly url: string;
  readonly log: StoreLog;
  /** From the question to its answer, or to `StoreUnavailable`. */
  readonly timeoutMs: number;
  readonly queueUnitsMax: number;
  readonly queueBytesMax: number;
}

export interface SideTables {
  /** All of them are durable when it resolves; the first bytes under a ref stay. */
  keep(payloads: readonly Payload[]): Promise<void>;
  readonly smallPayloads: SmallPayloads;
  readonly snapshots: Snapshots;
  close(): Promise<void>;
}

const writeSql = sql('write-payloads');

export function openSideTables(options: SideTablesOptions): SideTables {
  const { url, log, timeoutMs, queueUnitsMax, queueBytesMax } = options;
  const connections = (connectionsMax: number, settings: string) =>
    openConnections({ url, log, connectionsMax, settings, timeoutMs });
  const reading = connections(3, READ_SETTINGS);
  const writing = connections(2, WRITE_SETTINGS);

  async function write(
    units: readonly EncodedUnit[],
    deadline: number,
  ): Promise<readonly UnitResult[]> {
    const payloads = units.flatMap((unit) => unit.payloads);
    const written = writing.query('write-payloads', writeSql, [
      textArray(payloads.map(({ ref }) => ref)),
      textArray(payloads.map(({ organizationId }) => organizationId)),
      byteaArray(payloads.map(({ bytes }) => bytes)),
    ]);
    await inTime(written, deadline);
    return units.map(() => []);
  }

  const commit = createGroupCommit({ write, queueUnitsMax, queueBytesMax, timeoutMs });
  return {
    async keep(payloads) {
      await storeCall(
        'payloads',
        () => payloads.map(({ ref }) => ref),
        () => commit.submit(payloadUnit(payloads)),
      );
    },
    smallPayloads: createSmallPayloads(reading, writing, commit),
    snapshots: createSnapshots(reading, writing),
    async close() {
      await commit.drain();
      await Promise.all([reading.close(), writing.close()]);
    },
  };
}

/** A statement that begins behind one that failed late has less time than its own. */
async function inTime(written: Promise<unknown>, deadline: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new StoreUnavailable('the payloads were not written in time');
    timer = setTimeout(() => reject(error), Math.max(0, deadline - performance.now()));
  });
  written.catch(() => undefined); // nobody waits for it any longer after the deadline
  try {
    await Promise.race([written, late]);
  } finally {
    clearTimeout(timer);
  }
}
