/**
 * Who read which file, as events on the file's stream, of bounded number.
 *
 *   first ──► FileDownloaded, before a byte is sent ──► a minute: others are counted
 *                                                          └──► FileDownloaded with all of them
 *
 * So a file that is read without end has two events a minute and process, each with a bounded list
 * of readers. A process that is killed loses the count of at most a minute, never a first reader.
 */
import type { FileReader } from '../contracts/events/file.js';
import type { ApiKeyId, FileId } from '../contracts/ids.js';
import type { Log } from '../infra/logger.js';
import type { Repositories } from './repositories.js';

export interface DownloadLog {
  /** Throws `StoreUnavailable` where it cannot be recorded. */
  record(fileId: FileId, reader: Reader): Promise<void>;
  /** Records what was counted; never rejects. */
  close(): Promise<void>;
}

export interface Reader {
  readonly actor: ApiKeyId | `link:${ApiKeyId}`;
  readonly ip: string;
  readonly requestId: string;
}

interface Minute {
  readonly first: Promise<void>;
  readonly readers: Map<string, { actor: string; ip: string; times: number }>;
  others: number;
  readonly sinceMs: number;
  timer?: NodeJS.Timeout;
}

interface Given {
  readonly fileRecords: Repositories['fileRecords'];
  readonly now: () => number;
  readonly log: Pick<Log, 'warn'>;
  readonly minuteMs?: number;
}

const MINUTE_MS = 60_000;
const READERS_MAX = 100;
/** Of further files each download is an event of its own. */
const FILES_MAX = 10_000;

export function openDownloadLog({
  fileRecords,
  now,
  log,
  minuteMs = MINUTE_MS,
}: Given): DownloadLog {
  const minutes = new Map<FileId, Minute>();

  const recordOne = (fileId: FileId, reader: Reader): Promise<void> => {
    const { actor, ip } = reader;
    return append(
      { fileRecords, now },
      fileId,
      [{ actor, ip, times: 1 }],
      { sinceMs: now() },
      reader,
    );
  };

  /** What was counted of a file, once its minute is over. */
  async function end(fileId: FileId, minute: Minute): Promise<void> {
    minutes.delete(fileId);
    clearTimeout(minute.timer);
    const { readers, others, sinceMs } = minute;
    if (readers.size > 0)
      await append(
        { fileRecords, now },
        fileId,
        [...readers.values()],
        { others, sinceMs },
        undefined,
      );
  }

  const endQuietly = (fileId: FileId, minute: Minute): Promise<void> =>
    end(fileId, minute).catch((err: unknown) =>
      log.warn({ err, fileId }, 'who read a file could not be recorded'),
    );

  function begin(fileId: FileId, reader: Reader): Promise<void> {
    const first = recordOne(fileId, reader);
    const minute: Minute = { first, readers: new Map(), others: 0, sinceMs: now() };
    minutes.set(fileId, minute);
    minute.timer = setTimeout(() => void endQuietly(fileId, minute), minuteMs).unref();
    first.catch(() => {
      minutes.delete(fileId);
      clearTimeout(minute.timer);
    });
    return first;
  }

  return {
    async record(fileId, reader) {
      const minute = minutes.get(fileId);
      if (!minute && minutes.size >= FILES_MAX) return recordOne(fileId, reader);
      if (!minute) return begin(fileId, reader);
      await minute.first;
      if (minutes.get(fileId) === minute) count(minute, reader);
      else await recordOne(fileId, reader);
    },
    async close() {
      await Promise.all([...minutes].map(([fileId, minute]) => endQuietly(fileId, minute)));
    },
  };
}

async function append(
  { fileRecords, now }: Pick<Given, 'fileRecords' | 'now'>,
  fileId: FileId,
  readers: readonly FileReader[],
  about: { readonly others?: number; readonly sinceMs: number },
  asked: Reader | undefined,
): Promise<void> {
  const command = {
    type: 'RecordDownloads',
    readers,
    ...(about.others && { others: about.others }),
    since: new Date(about.sinceMs).toISOString(),
    at: new Date(now()).toISOString(),
  } as const;
  await fileRecords.transact(fileId, command, {
    actor: asked?.actor ?? 'query-api',
    correlationId: fileId,
    causationId: asked?.requestId ?? fileId,
    ...(asked && { ip: asked.ip }),
  });
}

function count(minute: Minute, { actor, ip }: Reader): void {
  const { readers } = minute;
  const key = `${actor} ${ip}`;
  const known = readers.get(key);
  if (known) known.times += 1;
  else if (readers.size < READERS_MAX) readers.set(key, { actor, ip, times: 1 });
  else minute.others += 1;
}
