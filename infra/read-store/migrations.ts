/** The schema `readmodel`. Ids 300–399. */
import { readFileSync } from 'node:fs';
import type { Migration } from '../postgres/migrate.js';

const step = (id: number, name: string): Migration => ({
  id,
  name: `readmodel: ${name}`,
  sql: readFileSync(new URL(`./sql/0${id}-${name}.sql`, import.meta.url), 'utf8'),
});

export const readModelMigrations: readonly Migration[] = [
  step(300, 'projections'),
  step(301, 'executions'),
  step(302, 'billing'),
  step(303, 'timers'),
  step(304, 'deliveries'),
  step(305, 'files'),
  step(306, 'organizations'),
];
