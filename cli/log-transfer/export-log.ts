/**
 * Writes a log into an archive, segment by segment, up to the head that it had at the beginning;
 * the system may go on meanwhile. An archive that is there already is continued: its full segments
 * stay, the last one is written anew when the log has grown.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createCodec, InvalidEvent, type LogRow } from '../../infra/event-store/codec.js';
import { START, type Position } from '../../infra/event-store/port.js';
import type { LogPage } from '../../infra/event-store/log-reader.js';
import type { RawLog } from '../../infra/event-store/raw-log.js';
import type { ProofStore } from '../../infra/proof-store/port.js';
import { StartError } from '../../infra/start-error.js';
import type { Database } from '../../runtime/open-database.js';
import {
  objectsFile,
  contentOf,
  FORMAT,
  logFile,
  readManifest,
  writeManifest,
  type Contents,
  type Manifest,
  type Place,
  type Progress,
  type Segment,
} from './archive.js';
import {
  collect,
  note,
  noReferences,
  type References,
  type ObjectSource,
} from './referenced-objects.js';
import { lineOf, writeLines } from './lines.js';
import { writeSignedProof } from './signed-proof.js';
import { readThroughOutages, throughOutage } from './through-outages.js';

export interface Exporting {
  readonly database: Pick<Database, 'rawLog' | 'store' | 'kind'>;
  readonly source: ObjectSource;
  readonly proofs: Pick<ProofStore, 'checkpoints' | 'vkeys'>;
  /** Read before the log is cut. */
  readonly progress: () => Promise<Progress>;
  readonly segmentEvents: number;
  readonly signal: AbortSignal;
  readonly onSegment: (manifest: Manifest) => void;
}

export interface Exported {
  readonly manifest: Manifest;
  /** Written by this run; the others were there. */
  readonly written: number;
  /** Events that this release cannot read. They are carried, what they refer to is not known. */
  readonly unreadable: number;
}

const PAGE = 1_000;

export async function exportLog(asked: Exporting): Promise<Exported> {
  const { source, signal } = asked;
  const rawLog = readThroughOutages(asked.database.rawLog, signal);
  const database = { ...asked.database, rawLog };
  const exporting = { ...asked, database };
  const { folder } = source;
  const { segments, before } = await kept(exporting);
  const progress = await exporting.progress();
  const until = await throughOutage(() => database.store.head(), signal);
  const manifestNow = (complete: boolean): Manifest => ({
    ...FORMAT,
    complete,
    exported_at: new Date().toISOString(),
    source: database.kind,
    contents: source.contents,
    segment_events: exporting.segmentEvents,
    until: `${until}`,
    events: segments.reduce((sum, { events }) => sum + events, 0),
    content_sha256: contentOf(segments),
    ...progress,
    segments,
  });
  // From here on the last segment of an earlier export may be gone.
  await writeManifest(folder, manifestNow(false));
  let [after, written, unreadable] = [before, 0, 0];
  while (after < until) {
    signal.throwIfAborted();
    const done = await writeSegment(exporting, { index: segments.length, after, until });
    if (!done.segment) break;
    after = done.after;
    written += done.segment.events;
    unreadable += done.unreadable;
    segments.push(done.segment);
    await writeManifest(folder, manifestNow(false));
    exporting.onSegment(manifestNow(false));
  }
  const proof = await writeSignedProof(asked.proofs, folder, manifestNow(false));
  const manifest: Manifest = { ...manifestNow(true), proof };
  await writeManifest(folder, manifest);
  return { manifest, written, unreadable };
}

/** The full segments of an earlier export, when it was one of this log. */
async function kept({ database, source, segmentEvents }: Exporting) {
  const segments: Segment[] = [];
  let before: Position = START;
  const manifest = await readManifest(source.folder);
  if (!manifest) return { segments, before };
  const { contents } = source;
  if (
    manifest.contents.payloads !== contents.payloads ||
    manifest.contents.files !== contents.files ||
    manifest.segment_events !== segmentEvents ||
    manifest.source !== database.kind
  )
    throw new StartError(
      `${source.folder} holds an export with other contents or from another store: give the ` +
        'options of that one, or name a new folder.',
    );
  for (const segment of manifest.segments) {
    if (segment.events < segmentEvents) break;
    segments.push(segment);
  }
  const last = segments.at(-1);
  if (last) await expectSameLog(database.rawLog, segments);
  if (last) before = BigInt(last.last.position);
  return { segments, before };
}

/** A log is only ever added to: where its newest known place is right, all before it is. */
async function expectSameLog(log: RawLog, segments: readonly Segment[]): Promise<void> {
  const [last, previous] = [segments.at(-1), segments.at(-2)];
  const { rows } = await log.page(previous ? BigInt(previous.last.position) : START, 1);
  const [row] = rows;
  if (!last || (row?.id === last.first.id && `${row.position}` === last.first.position)) return;
  throw new StartError('The folder holds an export of another log: name a new folder.');
}

interface Range {
  readonly index: number;
  readonly after: Position;
  readonly until: Position;
}

async function writeSegment(exporting: Exporting, range: Range) {
  const { source, segmentEvents } = exporting;
  const { index } = range;
  const digest = createHash('sha256');
  const named = noReferences();
  const reader = referenceReader(named);
  let events = 0;
  let first: LogRow | undefined;
  let last: LogRow | undefined;
  async function* texts(): AsyncGenerator<string> {
    for await (const rows of rowsOf(exporting, range, segmentEvents)) {
      let text = '';
      for (const row of rows) {
        const { line, content } = lineOf(row);
        digest.update(content);
        text += line;
        reader.see(row);
      }
      events += rows.length;
      first ??= rows[0];
      last = rows.at(-1);
      yield text;
    }
  }
  const log = await writeLines(source.folder, logFile(index), texts());
  if (!first || !last) {
    await rm(join(source.folder, log.file));
    return { segment: undefined, after: range.until, unreadable: 0 };
  }
  const segment: Segment = {
    events,
    first: placeOf(first),
    last: placeOf(last),
    log,
    content_sha256: digest.digest('hex'),
    belongings: await writeReferencedObjects(source, index, named),
  };
  const after = events < segmentEvents ? range.until : last.position;
  return { segment, after, unreadable: reader.unreadable };
}

async function writeReferencedObjects(source: ObjectSource, index: number, named: References) {
  const { payloads, files }: Contents = source.contents;
  if (!payloads && !files) return null;
  const { lines, counted } = collect(source, named);
  const part = await writeLines(source.folder, objectsFile(index), lines);
  return { ...part, ...counted };
}

/** At most so many events behind `after`, none behind `until`; the next page is read meanwhile. */
async function* rowsOf(
  { database, signal }: Exporting,
  { after, until }: Range,
  eventsMax: number,
): AsyncGenerator<readonly LogRow[]> {
  let left = eventsMax;
  let next = database.rawLog.page(after, Math.min(PAGE, left));
  for (;;) {
    signal.throwIfAborted();
    const { rows, position, caughtUp }: LogPage = await next;
    const within = rows.filter((row) => row.position <= until);
    left -= rows.length;
    const isLast = left <= 0 || caughtUp || position >= until;
    if (!isLast) {
      next = database.rawLog.page(position, Math.min(PAGE, left));
      // Nobody awaits it when the writer stops here.
      next.catch(() => undefined);
    }
    if (within.length > 0) yield within;
    if (isLast) return;
  }
}

const placeOf = ({ position, stream, revision, id }: LogRow): Place => ({
  position: `${position}`,
  stream,
  revision,
  id,
});

const SILENT = { warn: () => undefined, error: () => undefined };

/** Reads what refers to something; the others are only carried. */
function referenceReader(named: References) {
  const codec = createCodec(SILENT);
  let unreadable = 0;
  return {
    see(row: LogRow) {
      if (!/^(execution|file)-/.test(row.stream)) return;
      try {
        const event = codec.decode(row);
        if (event) note(named, event);
        else unreadable += 1;
      } catch (error) {
        if (!(error instanceof InvalidEvent)) throw error;
        unreadable += 1;
      }
    },
    get unreadable() {
      return unreadable;
    },
  };
}
