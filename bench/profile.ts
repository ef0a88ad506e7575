/**
 * Where an accept spends its time: the load of R1 on a command API under V8's profiler, its self
 * time by part, and beside it what every process used of the processors.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuTimes, used } from './cpu-times.js';
import { selfTimes, type CpuProfile } from './cpu-profile.js';
import { openDatabases, type Databases } from './database.js';
import { closedLoop } from './load.js';
import { createTenants, startModelRoute } from './modelroute.js';
import { copyIntoDocs } from './report/docs.js';
import { CLIENTS, settingsFrom } from './settings.js';
import { submissionsOf } from './submissions.js';

const OUT = fileURLToPath(new URL('../../', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const TENANTS = 16;
const SECONDS_MIN = 2;
const WARM_UP_SECONDS = 3;
const GROUPS_SHOWN = 24;
const FUNCTIONS_SHOWN = 16;

interface Profiled {
  readonly profile: CpuProfile;
  readonly accepts: number;
  readonly perSecond: number;
  readonly lastUs: number;
  readonly untilUs: number;
  readonly cpuMs: ReadonlyMap<string, number>;
}

const settings = settingsFrom(process.env);
const databases = await openDatabases();
let text: string;
try {
  const seconds = Math.max(SECONDS_MIN, settings.seconds * 2);
  text = described(await profiled(databases, seconds), seconds);
} finally {
  await databases.close();
}
await mkdir(OUT, { recursive: true });
await writeFile(join(OUT, 'profile.md'), text);
if (settings.writeDocs) await copyIntoDocs(join(ROOT, 'docs', 'performance.md'), 'profile', text);
console.log(text);

async function profiled(at: Databases, seconds: number): Promise<Profiled> {
  const databaseUrl = await at.fresh('profile');
  const folder = await at.folder('profile');
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
  const roles = ['command-api'];
  const system = await startModelRoute({ databases: at, databaseUrl, roles, nodeArgs });
  const submissions = submissionsOf(await createTenants(system, TENANTS), 'profile');
  const load = { url: system.url, clients: CLIENTS, next: submissions.fresh };
  const accept = (status: number) => status === 202;
  await closedLoop({ ...load, accept, seconds: WARM_UP_SECONDS });
  const ours = { 'command API': system.pid, 'load generator': process.pid };
  const before = await cpuTimes(ours, databaseUrl);
  const began = performance.now();
  const { answers, perSecond } = await closedLoop({ ...load, accept, seconds });
  const ended = performance.now();
  const cpuMs = used(before, await cpuTimes(ours, databaseUrl));
  await system.stop();
  const untilUs = (performance.now() - ended) * 1000;
  const [file] = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('the command API left no profile');
  const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
  const lastUs = (ended - began) * 1000;
  return { profile, accepts: answers, perSecond, lastUs, untilUs, cpuMs };
}

function described(found: Profiled, seconds: number): string {
  const { profile, accepts, perSecond, lastUs, untilUs, cpuMs } = found;
  const { byGroup, byFunction, busyUs } = selfTimes(profile, lastUs, untilUs);
  const each = (us: number) => (us / accepts).toFixed(1);
  const part = (us: number) => `${((us * 100) / busyUs).toFixed(1)} %`;
  const line = (...cells: string[]) => `| ${cells.join(' | ')} |`;
  const selfRows = (times: ReadonlyMap<string, number>, count: number) =>
    [...times].slice(0, count).map(([name, us]) => line(name, each(us), part(us)));
  return [
    `${accepts} accepts in ${seconds} s under the profiler, ${Math.round(perSecond)}/s, ` +
      `${CLIENTS} clients, ${TENANTS} organizations.`,
    '',
    line('process', 'processor time per accept, µs'),
    line('---', '---'),
    ...[...cpuMs].map(([name, ms]) => line(name, each(ms * 1000))),
    '',
    line('self time in the command API', 'per accept, µs', 'part'),
    line('---', '---', '---'),
    ...selfRows(byGroup, GROUPS_SHOWN),
    '',
    line('function', 'per accept, µs', 'part'),
    line('---', '---', '---'),
    ...selfRows(byFunction, FUNCTIONS_SHOWN),
    '',
  ].join('\n');
}
