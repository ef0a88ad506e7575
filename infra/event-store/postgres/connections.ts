/** The connections that read: a statement is asked again through short outages, never for long. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { openBoundedPool } from '../../postgres/bounded-pool.js';
import type { StoreLog } from '../codec.js';
import { StoreUnavailable } from '../port.js';
import { failureOf } from './failures.js';

interface ConnectionsOptions {
  readonly url: string;
  readonly log: StoreLog;
  readonly connectionsMax: number;
  /** Of the server, for every connection. */
  readonly settings: string;
  /** From the question to its answer, or to `StoreUnavailable`. */
  readonly timeoutMs: number;
}

export interface Connections {
  /** `name` names the prepared statement; rows are arrays of column values. */
  query(name: string, text: string, values: unknown[]): Promise<unknown[][]>;
  close(): Promise<void>;
}

const RETRY_PAUSE_MS = 50;

export function openConnections(options: ConnectionsOptions): Connections {
  const { log, timeoutMs } = options;
  const pool = openBoundedPool(options.url, {
    max: options.connectionsMax,
    applicationName: 'modelroute store',
    log,
    timeoutMs,
    settings: options.settings,
  });

  async function ask(name: string, text: string, values: unknown[]): Promise<unknown[][]> {
    const deadline = performance.now() + timeoutMs - RETRY_PAUSE_MS;
    for (;;) {
      try {
        return (await pool.query({ name, text, values, rowMode: 'array' })).rows as unknown[][];
      } catch (error) {
        if (failureOf(error) === 'refused') throw error;
        if (failureOf(error) === 'misfit' || performance.now() > deadline)
          throw new StoreUnavailable((error as Error).message, error);
        await pause(RETRY_PAUSE_MS);
      }
    }
  }

  return {
    async query(name, text, values) {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<never>((_, reject) => {
        const tooLate = () =>
          reject(new StoreUnavailable('the event store did not answer in time'));
        timer = setTimeout(tooLate, timeoutMs);
      });
      const answer = ask(name, text, values);
      answer.catch(() => undefined); // nobody waits for it any longer after the time-out
      try {
        return await Promise.race([answer, timeout]);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => pool.end(),
  };
}
