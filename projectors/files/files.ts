/** Every file that is kept for an organization, or may be uploaded. */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { FileEvent } from '../../contracts/events/file.js';
import { foldFile } from '../../domain/file/view.js';
import { files as table } from '../../infra/read-store/tables/files.js';
import { projection, type Batch } from '../engine/projection.js';

export const files = projection<FileEvent>(
  'files',
  {
    version: 2,
    tables: [table],
    plan: ({ type, data }, plan) => {
      const key = { id: data.fileId };
      if (type === 'FileStored' || type === 'FileUploadRequested') plan.creates(table, key);
      else plan.reads(table, key);
    },
  },
  {
    FileStored: begin,
    FileUploadRequested: begin,
    FileUploaded: foldOn,
    FileConfirmed: foldOn,
    FileDownloaded: foldOn,
    FileDeleted: foldOn,
    FileExpired: foldOn,
    FileRemoved: ({ data }, batch) => batch.of(table).remove({ id: data.fileId }),
  },
);

function begin(event: RecordedEvent<FileEvent>, batch: Batch): void {
  const view = foldFile(undefined, event);
  if (!view) return;
  const { revision, position } = event;
  batch.of(table).create({ id: view.id, view, revision, position });
}

function foldOn(event: RecordedEvent<FileEvent>, batch: Batch): void {
  const row = batch.of(table).get({ id: event.data.fileId });
  const view = row && foldFile(row.view, event);
  if (!view) return;
  const { revision, position } = event;
  batch.of(table).put({ id: view.id, view, revision, position });
}
