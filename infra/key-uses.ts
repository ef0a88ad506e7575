/**
 * When API keys were last used, told to their owners. A use is noted in memory alone; each process
 * writes what it noted every quarter of a minute, all keys in one statement. A process that is
 * killed loses the uses of that time.
 */
import type { Pool } from 'pg';
import type { ApiKeyId } from '../contracts/ids.js';
import type { Log } from './logger.js';

export interface KeyUses {
  note(keyId: ApiKeyId, atMs: number): void;
  /** Writes what is noted; never rejects. */
  close(): Promise<void>;
}

interface Given {
  readonly pool: Pick<Pool, 'query'>;
  readonly log: Pick<Log, 'warn'>;
  readonly everyMs?: number;
}

const EVERY_MS = 15_000;
/** Of one statement. The uses of further keys are noted again when they are used again. */
const KEYS_MAX = 10_000;

export function openKeyUses({ pool, log, everyMs = EVERY_MS }: Given): KeyUses {
  let noted = new Map<ApiKeyId, number>();
  let writing = Promise.resolve();

  const write = (): Promise<void> => {
    if (noted.size === 0) return writing;
    const uses = noted;
    noted = new Map();
    // Rows are locked in one order by all processes.
    const ids = [...uses.keys()].sort();
    const times = ids.map((id) => new Date(uses.get(id) ?? 0).toISOString());
    writing = pool.query({ name: 'note_key_uses', text: NOTE, values: [ids, times] }).then(
      () => undefined,
      (err: unknown) => log.warn({ err, keys: ids.length }, 'uses of API keys are not noted'),
    );
    return writing;
  };

  const timer = setInterval(() => void write(), everyMs).unref();
  return {
    note(keyId, atMs) {
      if (noted.size < KEYS_MAX || noted.has(keyId)) noted.set(keyId, atMs);
    },
    async close() {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}

const NOTE = `
  INSERT INTO processing.api_key_uses AS known (key_id, used_at)
  SELECT * FROM unnest($1::text[], $2::timestamptz[])
  ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at
  WHERE excluded.used_at > known.used_at`;
