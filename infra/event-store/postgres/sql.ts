/** The statements, each in a file of its own beside this one. */
import { readFileSync } from 'node:fs';

export const sql = (name: string): string =>
  readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');
