/**
 * Continuous exports: what operators set, and how far each is.
 *
 * An implementer promises:
 * - What is planned stays planned until it is recorded as done: whoever goes on after a crash
 *   writes the same files.
 * - `plan` and `finish` change something only where the export is as the caller thinks; of several
 *   one succeeds.
 */
import type { ExportFormat } from '../../contracts/http/exports.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { SinkPlace } from '../export-sinks/open-sink.js';

export interface ExportSettings {
  readonly name: string;
  /** Whose feed it is; undefined: those of all. */
  readonly organizationId: OrganizationId | undefined;
  readonly format: ExportFormat;
  readonly sink: SinkPlace;
  /** What only operators know is exported too. */
  readonly hasOperators: boolean;
  /** A number of the feed, or, of all feeds, a position of the log. */
  readonly from: bigint;
  readonly eventsMax: number;
  readonly delaySeconds: number;
}

/** The event up to which everything is in files, where that is of all feeds. */
export interface ExportCursor {
  /** In the log of this process' epoch; undefined where it was of another, and must be found. */
  readonly position: bigint | undefined;
  readonly organizationId: OrganizationId | undefined;
  readonly sequence: bigint;
}

export interface StoredExport extends ExportSettings {
  readonly id: string;
  readonly createdAt: Date;
  /** It came with an import, and waits until an operator sets it again. */
  readonly isPaused: boolean;
  /** Number of the last event that is written; undefined before it has begun. */
  readonly done: bigint | undefined;
  /** The number of the last event that is being written. */
  readonly planned: bigint | undefined;
  readonly cursor: ExportCursor | undefined;
  readonly events: bigint;
  readonly files: bigint;
  readonly lastFile: string | undefined;
  readonly exportedAt: Date | undefined;
  readonly failures: number;
  readonly error: string | undefined;
  readonly retryAt: Date | undefined;
}

export interface FinishedFiles {
  readonly cursor: ExportCursor | undefined;
  readonly files: readonly string[];
}

/** `taken`: another export is of another feed under that name, or at that place. */
export type SetOutcome = 'set' | 'taken' | 'full';

export interface Exports {
  /** By name. */
  list(): Promise<readonly StoredExport[]>;
  read(id: string): Promise<StoredExport | undefined>;
  /** Repeats change what may change: credentials, when is written; and let a paused one go on. */
  set(settings: ExportSettings): Promise<SetOutcome>;
  /** False where there is none. */
  remove(name: string): Promise<boolean>;
  /** Where it begins: `done` is the number before its first event. */
  begin(id: string, done: bigint, cursor: ExportCursor | undefined): Promise<void>;
  /** False where it is not as the caller thinks any more. */
  plan(id: string, done: bigint, planned: bigint): Promise<boolean>;
  finish(id: string, done: bigint, planned: bigint, finished: FinishedFiles): Promise<boolean>;
  /** After the log has moved: where the cursor's event is now. */
  moveCursor(id: string, done: bigint, position: bigint): Promise<void>;
  fail(id: string, error: string, retryAfterMs: number): Promise<void>;
}
