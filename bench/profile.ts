/**
 * Where time goes: the load of R1 on a command API alone, and the load of R4 on everything but the
 * sandbox, under V8's profiler. Self time by part, and beside it what every process used of the
 * processors.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuTimes, used } from './cpu-times.js';
import { selfTimes, type CpuProfile } from './cpu-profile.js';
import { startEventStoreDouble } from '../infra/event-store/testing/double/double.js';
import { openDatabases, type Databases } from './database.js';
import { startPart } from './children.js';
import type { SandboxConfig } from './baselines/sandbox.js';
import { closedLoop } from './load.js';
import { followLog } from './log-progress.js';
import { createTenants, startModelRoute, WORKING_ROLES } from './modelroute.js';
import { copyIntoDocs } from './report/docs.js';
import { CLIENTS, settingsFrom } from './settings.js';
import { followReadModels } from './read-model-progress.js';
import { stepsOfExecutions } from './profile-steps.js';
import { submissionsOf } from './submissions.js';

const OUT = fileURLToPath(new URL('../../', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const TENANTS = 16;
const SECONDS_MIN = 2;
const WARM_UP_SECONDS = 3;
const GROUPS_SHOWN = 24;
const FUNCTIONS_SHOWN = 16;

interface Subject {
  /** As NAME asks for it; all are profiled when it asks for none. */
  readonly name: string;
  readonly title: string;
  /** What one of is counted. */
  readonly unit: string;
  readonly roles: readonly string[];
  /** The log is in the event store, a double of it. */
  readonly isEventStore?: true;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: 'ACCEPTS',
    title: 'Accepts, the command API alone',
    unit: 'accept',
    roles: ['command-api'],
  },
  {
    name: 'EXECUTIONS',
    title: 'Executions from POST to the end, all roles in one process',
    unit: 'execution',
    roles: WORKING_ROLES,
  },
  {
    name: 'EVENTSTORE',
    title: 'The same, the log in the event store',
    unit: 'execution',
    roles: WORKING_ROLES,
    isEventStore: true,
  },
];

interface Profiled {
  readonly subject: Subject;
  readonly profile: CpuProfile;
  readonly count: number;
  readonly seconds: number;
  readonly lastUs: number;
  readonly untilUs: number;
  readonly cpuMs: ReadonlyMap<string, number>;
}

const settings = settingsFrom(process.env);
const databases = await openDatabases();
const sections: string[] = [];
try {
  const seconds = Math.max(SECONDS_MIN, settings.seconds * 2);
  const isWanted = (name: string) => settings.names.size === 0 || settings.names.has(name);
  for (const subject of SUBJECTS)
    if (isWanted(subject.name))
      sections.push(described(await profiled(databases, subject, seconds)));
  if (isWanted('STEPS')) sections.push(await stepsOfExecutions(databases));
} finally {
  await databases.close();
}
const text = sections.join('\n');
await mkdir(OUT, { recursive: true });
await writeFile(join(OUT, 'profile.md'), text);
if (settings.writeDocs) await copyIntoDocs(join(ROOT, 'docs', 'performance.md'), 'profile', text);
console.log(text);

async function profiled(at: Databases, subject: Subject, seconds: number): Promise<Profiled> {
  const { name, roles, isEventStore } = subject;
  const works = roles.includes('processors');
  const databaseUrl = await at.fresh(`profile_${name.toLowerCase()}`);
  const folder = await at.folder('profile');
  const sandbox = await startPart<string, never, null>('baselines/sandbox.js', {
    dir: await at.folder('sandbox'),
    latency: 0,
  } satisfies SandboxConfig);
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
  const dir = await at.folder('event-store');
  const double = isEventStore && (await startEventStoreDouble({ dir }));
  const env = double ? { EVENTSTORE_URL: double.url } : {};
  const place = { databaseUrl, sandboxUrl: sandbox.ready, env };
  const system = await startModelRoute({ databases: at, ...place, roles, nodeArgs });
  const submissions = submissionsOf(await createTenants(system, TENANTS), 'profile');
  const progress = await (isEventStore ? followReadModels : followLog)(databaseUrl);

  async function run(forSeconds: number): Promise<number> {
    await progress.mark();
    let accepted = 0;
    await closedLoop({
      url: system.url,
      clients: CLIENTS,
      seconds: forSeconds,
      next: submissions.fresh,
      accept(status) {
        if (status === 202) accepted++;
        // Under the profiler a store may be too slow for some.
        return status === 202 || status === 503;
      },
    });
    if (works) await progress.done(accepted);
    return accepted;
  }
  await run(WARM_UP_SECONDS);
  const ours = {
    ModelRoute: system.pid,
    sandbox: sandbox.pid,
    'load generator': process.pid,
    ...(double && { 'event store double': double.pid }),
  };
  const before = await cpuTimes(ours, databaseUrl);
  const began = performance.now();
  const count = await run(seconds);
  const ended = performance.now();
  const cpuMs = used(before, await cpuTimes(ours, databaseUrl));
  await progress.close();
  await system.stop();
  const untilUs = (performance.now() - ended) * 1000;
  await sandbox.stop();
  if (double) await double.close();
  const [file] = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('the system left no profile');
  const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
  const lastUs = (ended - began) * 1000;
  return { subject, profile, count, seconds: lastUs / 1e6, lastUs, untilUs, cpuMs };
}

function described(found: Profiled): string {
  const { subject, profile, count, seconds, lastUs, untilUs, cpuMs } = found;
  const { byGroup, byFunction, busyUs } = selfTimes(profile, lastUs, untilUs);
  const each = (us: number) => (us / count).toFixed(1);
  const part = (us: number) => `${((us * 100) / busyUs).toFixed(1)} %`;
  const line = (...cells: string[]) => `| ${cells.join(' | ')} |`;
  const selfRows = (times: ReadonlyMap<string, number>, rows: number) =>
    [...times].slice(0, rows).map(([name, us]) => line(name, each(us), part(us)));
  return [
    `### ${subject.title}`,
    '',
    `${count} in ${seconds.toFixed(1)} s under the profiler, ${Math.round(count / seconds)}/s, ` +
      `${CLIENTS} clients, ${TENANTS} organizations. Times are microseconds for each ` +
      `${subject.unit}.`,
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
