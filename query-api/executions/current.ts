/**
 * An execution or a file as of now, though the read models lag: a row and, behind it, the newer
 * events of its stream. A row that no event can change any more is answered alone, to its owner:
 * anybody else costs a look at the log, as one who asks for what was never accepted.
 */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, PayloadRef } from '../../contracts/events/execution.js';
import type { FileEvent } from '../../contracts/events/file.js';
import type { ExecutionId, FileId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { foldExecution, isOver, type PublicStatus } from '../../domain/execution/view.js';
import { foldFile, type FileView } from '../../domain/file/view.js';
import type { Question } from '../../infra/read-store/reading.js';
import { openRowsById } from '../../infra/read-store/rows-by-id.js';
import {
  executions,
  readExecution,
  storedColumns,
  viewOf,
  type StoredExecution,
} from '../../infra/read-store/tables/executions.js';
import { files, readFile } from '../../infra/read-store/tables/files.js';
import type { QueryInfra } from '../query-infra.js';

export interface Current {
  /** Undefined for one of another organization as for one that was never accepted. */
  execution(id: ExecutionId, organizationId: OrganizationId): Promise<CurrentExecution | undefined>;
  /** Undefined for one that never was, and for one whose bytes are removed. */
  file(id: FileId): Promise<FileView | undefined>;
}

export interface CurrentExecution {
  readonly organizationId: OrganizationId;
  readonly status: PublicStatus;
  readonly output?: PayloadRef;
  /** Of the last event that is in the body. */
  readonly revision: number;
  /** The public body, as JSON text. */
  readonly bodyText: string;
}

export function openCurrent({ reads, store }: Pick<QueryInfra, 'reads' | 'store'>): Current {
  const byKey = (question: Question) => reads.byKey(question);
  const executionRow = openRowsById(byKey, executions, {
    read: readExecution,
    columns: storedColumns,
  });
  const fileRow = openRowsById(byKey, files, { read: readFile });
  return {
    async execution(id, organizationId) {
      const row = await executionRow(id);
      const isOwn = row?.organizationId === organizationId;
      if (row && isOwn && isOver(row.status)) return row;
      const fromRevision = row ? row.revision + 1 : 0;
      const events = (await store.readStream(streamOf('execution', id), {
        fromRevision,
      })) as readonly RecordedEvent<ExecutionEvent>[];
      if (row) return isOwn ? folded(row, events) : undefined;
      return events[0]?.data.organizationId === organizationId ? folded(row, events) : undefined;
    },
    async file(id) {
      const row = await fileRow(id);
      const fromRevision = row ? row.revision + 1 : 0;
      const events = await store.readStream(streamOf('file', id), {
        fromRevision,
      });
      return (events as readonly FileEvent[]).reduce(foldFile, row?.view);
    },
  };
}

/** Undefined before the request. */
function folded(
  row: StoredExecution | undefined,
  events: readonly RecordedEvent<ExecutionEvent>[],
): CurrentExecution | undefined {
  if (events.length === 0) return row;
  let view = row && viewOf(row);
  let revision = row?.revision ?? 0;
  for (const event of events) {
    if (view && isOver(view.body.status)) break;
    view = foldExecution(view, event);
    ({ revision } = event);
  }
  if (!view) return undefined;
  const { organizationId, output, body } = view;
  const bodyText = JSON.stringify(body);
  return {
    organizationId,
    status: body.status,
    ...(output && { output }),
    revision,
    bodyText,
  };
}
