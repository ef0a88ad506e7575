/** Every step of the schema, in order. */
import { decidingMigrations } from './deciding/migrations.js';
import { processingMigrations } from './event-bus/migrations.js';
import { eventStoreMigrations } from './event-store/postgres/migrations.js';
import type { Migration } from './postgres/migrate.js';
import { readModelMigrations } from './read-store/migrations.js';

export const allMigrations: readonly Migration[] = [
  ...eventStoreMigrations,
  ...processingMigrations,
  ...readModelMigrations,
  ...decidingMigrations,
];
