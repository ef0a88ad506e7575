/**
 * What is, as of now, though the read models lag: a row and, behind it, the newer events of its
 * stream. A row that no event can change any more needs no second look.
 */
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { FileEvent } from '../../contracts/events/file.js';
import type { ExecutionId, FileId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { foldExecution, isOver, type ExecutionView } from '../../domain/execution/view.js';
import { openRowsById } from '../../infra/read-store/rows-by-id.js';
import { executions, readExecution } from '../../infra/read-store/tables/executions.js';
import { fileOf, files, readFile, type FileRow } from '../../infra/read-store/tables/files.js';
import type { QueryInfra } from '../query-infra.js';

export interface Current {
  /** Undefined for one that was never accepted. */
  execution(id: ExecutionId): Promise<ExecutionView | undefined>;
  file(id: FileId): Promise<FileRow | undefined>;
}

export function openCurrent({
  readStore,
  store,
}: Pick<QueryInfra, 'readStore' | 'store'>): Current {
  const executionRow = openRowsById(readStore, executions, readExecution);
  const fileRow = openRowsById(readStore, files, readFile);
  return {
    async execution(id) {
      const row = await executionRow(id);
      if (row && isOver(row.view.status)) return row.view;
      const fromRevision = row ? row.revision + 1 : 0;
      const events = await store.readStream(streamOf('execution', id), { fromRevision });
      let view = row?.view;
      for (const event of events as readonly ExecutionEvent[]) view = foldExecution(view, event);
      return view;
    },
    async file(id) {
      const row = await fileRow(id);
      if (row) return row;
      const [stored] = await store.readStream(streamOf('file', id), { limit: 1 });
      return stored && fileOf((stored as FileEvent).data, stored.position);
    },
  };
}
