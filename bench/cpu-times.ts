/** What each process used of the processors, from /proc. */
import { readFile } from 'node:fs/promises';
import { query } from './database.js';

/** Milliseconds of processor time since each process began, by what the process is. */
type CpuTimes = ReadonlyMap<string, number>;

/** Linux counts in hundredths of a second, whatever the kernel's own tick is. */
const TICK_MS = 10;

/** Ours by the names given, and every process of the database server. */
export async function cpuTimes(
  ours: Readonly<Record<string, number>>,
  databaseUrl: string,
): Promise<CpuTimes> {
  const backends = await query<{ pid: number; name: string }>(
    databaseUrl,
    `SELECT pid, 'PostgreSQL: ' || coalesce(nullif(application_name, ''), backend_type) AS name
    FROM pg_stat_activity WHERE pid <> pg_backend_pid()`,
  );
  const processes = [
    ...Object.entries(ours).map(([name, pid]) => ({ name, pid })),
    ...backends.map(({ name, pid }) => ({ name, pid })),
  ];
  const times = new Map<string, number>();
  for (const { name, pid } of processes)
    times.set(name, (times.get(name) ?? 0) + (await usedMs(pid)));
  return times;
}

/** 0 for a process that is gone. */
export async function usedMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold anything; the fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

export function used(before: CpuTimes, after: CpuTimes): Map<string, number> {
  const spent = [...after].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)] as const);
  return new Map(spent.filter(([, ms]) => ms > 0).sort(([, a], [, b]) => b - a));
}
