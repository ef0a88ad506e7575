/**
 * Which version of the catalogue was in force from when on. Logs of before that was said have the
 * prices alone, which were published right before they were in force.
 */
import type { CatalogueEvent } from '../../contracts/events/catalogue.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { catalogueVersions as table } from '../../infra/read-store/tables/catalogue-versions.js';
import { projection, type Batch } from '../engine/projection.js';

export const catalogueVersions = projection<CatalogueEvent>(
  'catalogue_versions',
  { version: 1, tables: [table] },
  { PricesPublished: enter, CatalogueTookEffect: enter },
);

function enter({ data, position }: RecordedEvent<CatalogueEvent>, batch: Batch): void {
  batch.of(table).create({ position, version: data.version, at: data.at });
}
