/** One profiled load as a section of the report. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfTimes, type CpuProfile } from './cpu-profile.js';

export interface Profiled {
  readonly title: string;
  /** What one of is counted. */
  readonly unit: string;
  /** What asked for it. */
  readonly by: string;
  readonly profile: CpuProfile;
  readonly count: number;
  readonly seconds: number;
  /** Of the profile: the load took so long, and ended so long before its end. */
  readonly lastUs: number;
  readonly untilUs: number;
  readonly cpuMs: ReadonlyMap<string, number>;
}

const GROUPS_SHOWN = 24;
const FUNCTIONS_SHOWN = 16;

/** The one that a process with `--cpu-prof` left in its folder. */
export async function profileIn(folder: string): Promise<CpuProfile> {
  const [file] = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('the system left no profile');
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
}

export function described(found: Profiled): string {
  const { title, unit, by, profile, count, seconds, lastUs, untilUs, cpuMs } = found;
  const { byGroup, byFunction, busyUs } = selfTimes(profile, lastUs, untilUs);
  const each = (us: number) => (us / count).toFixed(1);
  const part = (us: number) => `${((us * 100) / busyUs).toFixed(1)} %`;
  const line = (...cells: string[]) => `| ${cells.join(' | ')} |`;
  const selfRows = (times: ReadonlyMap<string, number>, rows: number) =>
    [...times].slice(0, rows).map(([name, us]) => line(name, each(us), part(us)));
  return [
    `### ${title}`,
    '',
    `${count} in ${seconds.toFixed(1)} s under the profiler, ${Math.round(count / seconds)}/s, ` +
      `${by}. Times are microseconds for each ${unit}.`,
    '',
    line('process', 'processor time, µs'),
    line('---', '---'),
    ...[...cpuMs].map(([name, ms]) => line(name, each(ms * 1000))),
    '',
    line('self time by part', 'µs', 'part'),
    line('---', '---', '---'),
    ...selfRows(byGroup, GROUPS_SHOWN),
    '',
    line('function', 'µs', 'part'),
    line('---', '---', '---'),
    ...selfRows(byFunction, FUNCTIONS_SHOWN),
    '',
  ].join('\n');
}
