/** Which version of the catalogue was in force from when on. */
import type { Timestamp } from '../../../contracts/events/envelope.js';
import { column, type Table } from '../table.js';

interface VersionRow {
  readonly position: bigint;
  readonly version: string;
  readonly at: Timestamp;
}

export const catalogueVersions: Table<Pick<VersionRow, 'position'>, VersionRow> = {
  name: 'catalogue_versions',
  key: [column('position', 'bigint', ({ position }) => position)],
  rest: [
    column('version', 'text', ({ version }) => version),
    column('at', 'timestamptz', ({ at }) => at),
  ],
  idOf: ({ position }) => `${position}`,
};
