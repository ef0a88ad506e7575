/**
 * The run itself: one PostgreSQL, the cells one after another, one table at the end, and the files
 * in bench/out. A cell that cannot be measured is reported and the others go on; the exit code
 * tells.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cells } from './cells/all.js';
import { openDatabases } from './database.js';
import { CellSkipped, measureCell, type Bench, type Row } from './cell.js';
import { copyIntoDocs } from './report/docs.js';
import { htmlReport } from './report/html.js';
import { markdownTable, textTable, type RunFacts } from './report/table.js';
import { settingsFrom, type Settings } from './settings.js';

const OUT = fileURLToPath(new URL('../../', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const say = (line: string): void => console.log(line);

const settings = settingsFrom(process.env);
const began = performance.now();
const databases = await openDatabases();
const broken: string[] = [];
const skipped: string[] = [];
const rows: Row[] = [];
let stopped = false;
// The cell in hand still ends in order and closes what it started; no other one begins.
process.on('SIGINT', () => (stopped = true));
process.on('SIGTERM', () => (stopped = true));
try {
  for (const row of await measureAll({ settings, databases })) rows.push(row);
} finally {
  await databases.close();
}

const facts: RunFacts = {
  at: new Date().toISOString(),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`,
  database: `PostgreSQL: ${databases.described}`,
  turns: `${settings.rounds} turns of ${settings.seconds} s a side`,
  minutes: (performance.now() - began) / 60_000,
};
await writeReports(rows, facts, settings);
say(`\n${textTable(rows, facts)}`);
for (const line of skipped) say(`skipped: ${line}`);
for (const line of broken) say(`not measured: ${line}`);
process.exitCode =
  broken.length > 0 || rows.some(({ violations }) => violations.length > 0) ? 1 : 0;

async function measureAll(bench: Bench): Promise<Row[]> {
  const measured: Row[] = [];
  for (const cell of cells) {
    const wanted = new Set(cell.ids.filter((id) => isWanted(settings, id)));
    const isLeftOut = cell.onRequest && settings.names.size === 0;
    if (wanted.size === 0 || isLeftOut || stopped) continue;
    say(`${[...wanted].join(', ')}  ${cell.title}`);
    try {
      const open = await cell.open(bench, (id) => wanted.has(id));
      try {
        const { rounds } = settings;
        const settle = () => databases.checkpoint();
        const all = await measureCell(open, { rounds, settle, say, isStopped: () => stopped });
        measured.push(...all.filter(({ id }) => wanted.has(id)));
      } finally {
        await open.close();
      }
    } catch (error) {
      if (error instanceof CellSkipped) {
        skipped.push(`${[...wanted].join(', ')}: ${error.message}`);
        continue;
      }
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      broken.push(`${[...wanted].join(', ')}: ${reason}`);
      say(`    could not be measured: ${reason}`);
    }
  }
  return measured;
}

/** `R4` asks for `R4` and for all that begin with `R4.`. */
function isWanted({ names }: Settings, id: string): boolean {
  const [family = ''] = id.split('.');
  return names.size === 0 || names.has(family) || names.has(id.toUpperCase());
}

async function writeReports(all: readonly Row[], run: RunFacts, told: Settings): Promise<void> {
  await mkdir(OUT, { recursive: true });
  const table = markdownTable(all, run);
  await writeFile(join(OUT, 'latest.json'), `${JSON.stringify(all, null, 2)}\n`);
  await writeFile(join(OUT, 'latest.md'), table);
  await writeFile(join(OUT, 'latest.html'), htmlReport(all, run));
  // A table of some cells is not the table.
  if (told.writeDocs && told.names.size === 0)
    await copyIntoDocs(join(ROOT, 'docs', 'performance.md'), 'table', table);
}
