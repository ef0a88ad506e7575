/**
 * An exported log: a folder that any tool can read and whose every byte is accounted for.
 *
 *   manifest.json                 what there is, with counts, digests and where the log was cut
 *   log/000000.ndjson.gz          25,000 events a segment, one JSON object a line
 *   belongings/000000.ndjson.gz   what the events of that segment refer to
 *   blobs/ab/abcd…                large payloads and files, each under its SHA-256
 *   proof.ndjson.gz               checkpoints that were signed, and the keys that did
 *
 * The manifest is replaced whenever a segment is whole, so an export that was ended goes on from
 * there. `docs/log-transfer.md` says what stands in a line.
 */
import { createHash } from 'node:crypto';
import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StreamName } from '../../contracts/streams.js';
import type { StoreKind } from '../../infra/event-store/identity.js';
import type { SinkPlace } from '../../infra/export-sinks/open-sink.js';
import { StartError } from '../../infra/start-error.js';

export interface Place {
  readonly position: string;
  readonly stream: StreamName;
  readonly revision: number;
  readonly id: string;
}

/** A file of the archive, by its path in it. */
export interface Part {
  readonly file: string;
  readonly bytes: number;
  /** Of the file as it lies there. */
  readonly sha256: string;
}

export interface Segment {
  readonly events: number;
  readonly first: Place;
  readonly last: Place;
  readonly log: Part;
  /** Of its lines without their positions: the same for the same events in any store. */
  readonly content_sha256: string;
  readonly belongings: (Part & ObjectCounts) | null;
}

export interface ObjectCounts {
  readonly payloads: number;
  readonly files: number;
  /** Erased, or gone; each is named in the file with the reason. */
  readonly missing: number;
}

export interface ProofPart extends Part {
  readonly keys: number;
  readonly checkpoints: number;
}

export interface DeadLetterThere {
  readonly group: string;
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: string;
  readonly position: string;
  readonly attempts: number;
  readonly error: string;
  readonly parked_at: string;
}

/** How far the processors had come before the log was cut, so nothing they did is missing in it. */
export interface Progress {
  readonly checkpoints: readonly { readonly group: string; readonly position: string }[];
  readonly parked: readonly DeadLetterThere[];
  /** Absent in an archive of a release that had no such rows. */
  readonly waiting?: readonly WaitingThere[];
  /** Absent likewise. */
  readonly exports?: readonly ExportThere[];
}

/** A continuous export, and how far it is: by numbers, which the log keeps wherever it is moved. */
export interface ExportThere {
  readonly id: string;
  readonly name: string;
  /** Null: the feeds of all. */
  readonly organization_id: string | null;
  readonly format: string;
  readonly sink: SinkPlace;
  readonly operator_columns: boolean;
  readonly from_number: string;
  readonly events_max: number;
  readonly delay_seconds: number;
  readonly created_at: string;
  readonly done: string | null;
  readonly planned: string | null;
  /** Of all feeds: the event up to which it is written, by organization and number. */
  readonly cursor_owner: string | null;
  readonly cursor_sequence: string | null;
  readonly events: string;
  readonly files: string;
  readonly last_file: string | null;
  readonly exported_at: string | null;
}

/** An execution that waits for a provider: its notification is processed, and its row stands. */
export interface WaitingThere {
  readonly execution_id: string;
  readonly organization_id: string;
  readonly queue: string;
  readonly cause: string;
  readonly since: string;
}

export interface Contents {
  readonly payloads: boolean;
  /** Large payloads too. */
  readonly files: boolean;
}

export interface Manifest extends Progress {
  readonly format: 'modelroute-log';
  readonly version: 1;
  /** False while it is being written. */
  readonly complete: boolean;
  readonly exported_at: string;
  readonly source: StoreKind;
  readonly contents: Contents;
  readonly segment_events: number;
  /** The head of the log when it was cut; nothing behind it is here. */
  readonly until: string;
  readonly events: number;
  /** Over the segments' digests, in their order. */
  readonly content_sha256: string;
  readonly segments: readonly Segment[];
  /** Absent in an archive of a release that signed nothing, and while it is being written. */
  readonly proof?: ProofPart | null;
}

export const FORMAT = { format: 'modelroute-log', version: 1 } as const;

export const logFile = (index: number): string => `log/${numbered(index)}.ndjson.gz`;
export const PROOF_FILE = 'proof.ndjson.gz';
export const objectsFile = (index: number): string => `belongings/${numbered(index)}.ndjson.gz`;
export const blobFile = (sha256: string): string => `blobs/${sha256.slice(0, 2)}/${sha256}`;

const numbered = (index: number): string => String(index).padStart(6, '0');

const MANIFEST = 'manifest.json';

export function contentOf(segments: readonly Segment[]): string {
  const digest = createHash('sha256');
  for (const { content_sha256 } of segments) digest.update(`${content_sha256}\n`);
  return digest.digest('hex');
}

/** Undefined where there is none. Throws `StartError` for what is none of ours. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, MANIFEST);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const manifest = manifestIn(text);
  if (!manifest) throw new StartError(`${path} is no manifest of an export.`);
  if (manifest.version !== FORMAT.version)
    throw new StartError(
      `${path} is of format ${String(manifest.version)}, and this release knows ` +
        `${FORMAT.version}: use the release that wrote it, or a newer one.`,
    );
  if (manifest.content_sha256 !== contentOf(manifest.segments))
    throw new StartError(`${path} is damaged: its digests do not belong together.`);
  return manifest;
}

function manifestIn(text: string): Manifest | undefined {
  try {
    const manifest = JSON.parse(text) as Manifest;
    return manifest.format === FORMAT.format && Array.isArray(manifest.segments)
      ? manifest
      : undefined;
  } catch {
    return undefined; // the caller says so
  }
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, MANIFEST);
  await writeFile(`${path}.part`, `${JSON.stringify(manifest, null, 1)}\n`, { flush: true });
  await putInPlace(`${path}.part`, path);
}

/** Whole or not at all, also after a power cut: `written` was synced before. */
export async function putInPlace(written: string, path: string): Promise<void> {
  await rename(written, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
