/**
 * Where time goes: the load of R1 on a command API alone, and those of R4 and R10 on everything but
 * the sandbox, under V8's profiler. Self time by part, and beside it what every process used of the
 * processors.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuTimes, used } from './cpu-times.js';
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
import { profiledDeliveries } from './profile-deliveries.js';
import { described, profileIn, type Profiled } from './profile-section.js';
import { stepsOfExecutions } from './profile-steps.js';
import { submissionsOf } from './submissions.js';

const OUT = fileURLToPath(new URL('../../', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const TENANTS = 16;
const SECONDS_MIN = 2;
const WARM_UP_SECONDS = 3;

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

const settings = settingsFrom(process.env);
const databases = await openDatabases();
const sections: string[] = [];
try {
  const seconds = Math.max(SECONDS_MIN, settings.seconds * 2);
  const isWanted = (name: string) => settings.names.size === 0 || settings.names.has(name);
  for (const subject of SUBJECTS)
    if (isWanted(subject.name))
      sections.push(described(await profiled(databases, subject, seconds)));
  if (isWanted('DELIVERIES'))
    sections.push(described(await profiledDeliveries(databases, seconds)));
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
  const profile = await profileIn(folder);
  const lastUs = (ended - began) * 1000;
  const { title, unit } = subject;
  const by = `${CLIENTS} clients, ${TENANTS} organizations`;
  return { title, unit, by, profile, count, seconds: lastUs / 1e6, lastUs, untilUs, cpuMs };
}
