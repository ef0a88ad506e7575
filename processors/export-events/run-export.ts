/**
 * One export, until it is removed or the signal aborts:
 *
 *   what has come ──► planned ──► written to its sink ──► done
 *
 * What is planned is stored before anything of it is written, as the number of its last event. So
 * whoever goes on after a crash, at whatever step, writes the same plan again, of which a sink has
 * each event once, and two that work at the same time write the same.
 */
import type { Pool } from 'pg';
import { pause } from '../../infra/concurrency/pause.js';
import type { SinkSettings } from '../../infra/export-sinks/open-sink.js';
import type { ExportSink } from '../../infra/export-sinks/port.js';
import { lagOf } from '../../infra/exports/lag.js';
import type { StoredExport } from '../../infra/exports/port.js';
import { rowsOf, type Question } from '../../infra/read-store/reading.js';
import type { Infra } from '../../runtime/infra.js';
import { beginningOf, positionOf, readBatch, type ExportBatch } from './read-batch.js';

export interface Exporting extends Pick<Infra, 'exports' | 'log' | 'metrics' | 'now' | 'store'> {
  /** Answers what the feeds hold. */
  readonly exporting: Pool;
  readonly sinkOf: (settings: SinkSettings) => Promise<ExportSink>;
}

const POLL_MS = 1_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;

export async function runExport(
  exporting: Exporting,
  { id, name }: Pick<StoredExport, 'id' | 'name'>,
  signal: AbortSignal,
): Promise<void> {
  const { exports, metrics, now } = exporting;
  const sink = openLastSink(exporting);
  let failures = 0;
  try {
    while (!signal.aborted) {
      try {
        const stored = await exports.read(id);
        if (!stored) return;
        failures = stored.failures;
        metrics.exportFailing.set({ export: name }, failures > 0 ? 1 : 0);
        if (stored.isPaused) {
          await pause(POLL_MS, signal);
          continue;
        }
        const isResting = stored.retryAt !== undefined && stored.retryAt.getTime() > now();
        const step = isResting
          ? await look(exporting, stored)
          : await next(exporting, stored, sink, signal);
        if (step === 'waits') await pause(POLL_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        sink.close();
        await failed(exporting, { id, name, failures }, error);
        await pause(POLL_MS, signal);
      }
    }
  } finally {
    sink.close();
    metrics.exportLag.remove({ export: name });
    metrics.exportFailing.remove({ export: name });
  }
}

type Step = 'goes on' | 'waits';

async function look(exporting: Exporting, stored: StoredExport): Promise<Step> {
  const { metrics, now } = exporting;
  const lag = await lagOf(readOf(exporting), stored, now());
  metrics.exportLag.set({ export: stored.name }, lag?.seconds ?? 0);
  return 'waits';
}

async function next(
  exporting: Exporting,
  stored: StoredExport,
  sink: LastSink,
  signal: AbortSignal,
): Promise<Step> {
  const { exports, metrics, now, store } = exporting;
  const { id, done, cursor } = stored;
  const read = readOf(exporting);
  if (done === undefined) {
    const beginning = await beginningOf(read, stored);
    if (!beginning) return 'waits';
    await exports.begin(id, beginning.done, beginning.cursor);
    return 'goes on';
  }
  if (cursor && cursor.position === undefined) {
    const position = await positionOf(read, cursor);
    if (position === undefined) return 'waits';
    await exports.moveCursor(id, done, position);
    return 'goes on';
  }
  const lag = await lagOf(read, stored, now());
  metrics.exportLag.set({ export: stored.name }, lag?.seconds ?? 0);
  if (stored.planned !== undefined) {
    const batch = await readBatch({ read, store }, stored, done, stored.planned);
    if (batch.events.length < Number(stored.planned - done)) return 'waits';
    return write(exporting, { stored, done, batch, sink, signal });
  }
  const isDue = lag && (lag.events >= stored.eventsMax || lag.seconds >= stored.delaySeconds);
  if (!lag || lag.events === 0 || !isDue) return 'waits';
  const batch = await readBatch({ read, store }, stored, done);
  const last = batch.events.at(-1);
  if (!last) return 'waits';
  if (!(await exports.plan(id, done, last.number))) return 'waits';
  return write(exporting, { stored, done, batch, sink, signal });
}

const readOf =
  ({ exporting }: Exporting) =>
  (question: Question) =>
    rowsOf(exporting, question);

interface Writing {
  readonly stored: StoredExport;
  readonly done: bigint;
  readonly batch: ExportBatch;
  readonly sink: LastSink;
  readonly signal: AbortSignal;
}

async function write(
  { exports, log }: Exporting,
  { stored, done, batch, sink, signal }: Writing,
): Promise<Step> {
  const { id, name } = stored;
  const target = await sink.of(stored);
  // What a sink that hangs still writes is what is written after a restart.
  const files = await unlessAborted(target.write(batch.events, signal), signal);
  if (!files || signal.aborted) return 'waits';
  const planned = done + BigInt(batch.events.length);
  if (await exports.finish(id, done, planned, { cursor: batch.cursor, files }))
    log.debug({ export: name, events: batch.events.length, files: files.length }, 'exported');
  return 'goes on';
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let end: () => void = () => undefined;
  const ended = new Promise<undefined>((resolve) => (end = () => resolve(undefined)));
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([work, ended]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function failed(
  { exports, log, metrics }: Exporting,
  { id, name, failures }: { readonly id: string; readonly name: string; readonly failures: number },
  error: unknown,
): Promise<void> {
  const retryMs = Math.min(RETRY_FIRST_MS * 2 ** Math.min(failures, 10), RETRY_MAX_MS);
  log.warn({ err: error, export: name, retryMs }, 'an export does not go on');
  metrics.exportFailing.set({ export: name }, 1);
  await exports
    .fail(id, sentenceOf(error), retryMs)
    .catch((err: unknown) => log.warn({ err, export: name }, 'its state could not be stored'));
}

/** With its causes, of which the last one says most. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error ? `${message}: ${sentenceOf(cause)}` : message || error.name;
}

interface LastSink {
  of(settings: SinkSettings): Promise<ExportSink>;
  close(): void;
}

/** Opened when it is needed, and again after a failure or when it was set otherwise. */
function openLastSink({ sinkOf }: Exporting): LastSink {
  let opened: { readonly key: string; readonly sink: ExportSink } | undefined;
  const close = () => {
    opened?.sink.close();
    opened = undefined;
  };
  return {
    async of({ id, format, sink, hasOperators }) {
      const settings = { id, format, sink, hasOperators };
      const key = JSON.stringify(settings);
      if (opened?.key === key) return opened.sink;
      close();
      opened = { key, sink: await sinkOf(settings) };
      return opened.sink;
    },
    close,
  };
}
