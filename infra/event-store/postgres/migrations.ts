/** The schema `eventstore`: the log, payloads, snapshots. Ids 100–199. */
import { sql } from './sql.js';

export const eventStoreMigrations: readonly {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}[] = [
  { id: 100, name: 'event store: the log', sql: sql('0001-log') },
  { id: 101, name: 'event store: append', sql: sql('0002-append') },
];
