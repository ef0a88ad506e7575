/** Every file that is kept for an organization. */
import type { FileEvent } from '../../contracts/events/file.js';
import { fileOf, files as table } from '../../infra/read-store/tables/files.js';
import { projection } from '../engine/projection.js';

export const files = projection<FileEvent>(
  'files',
  { version: 1, tables: [table] },
  {
    FileStored: ({ data, position }, batch) => batch.of(table).create(fileOf(data, position)),
  },
);
