/**
 * The part of `make storm` in which providers misbehave, each fault of provider-faults.ts in turn:
 * one that answers at once, one that is polled, one that calls back. Beside them a healthy one is
 * asked at the same rate, and must hardly feel it.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { atEnd } from '../../testing/at-end.js';
import {
  newTenant,
  operate,
  TERMINAL,
  type ExecutionBody,
  type Submission,
  type Tenant,
} from '../../testing/client.js';
import { repositoryRoot } from '../../testing/child-process.js';
import { eventually } from '../../testing/eventually.js';
import { startSystem, type System } from '../../testing/system.js';
import { behave, behaveWell } from '../../sandbox/testing/behaviour.js';
import { newKey } from '../testing/executions.js';
import { providerFaults, type ProviderFault } from './provider-faults.js';

const { env } = process;
const secondsEach = Number(env['STORM_PROVIDER_SECONDS'] ?? 10);
const wanted = new RegExp(env['STORM_PROVIDER_FAULTS'] ?? '');

const TIMEOUT_MS = 2_000;
const EXPIRES_IN_SECONDS = 20;
/** A paid output is tried for two minutes. */
const PATIENCE_MS = 160_000;
/** Of the attempt's own time: an event loop that has other work, and the store. */
const DEADLINE_SLACK_MS = 1_000;
const HEALTHY_RATIO_MAX = 2;
/** Below this a ratio says nothing: a page of the collector is as long. */
const HEALTHY_FLOOR_MS = 100;
const GROWTH_BYTES_MAX = 512 * 1024 * 1024;
const HEALTHY_EACH_MS = 50;
const SICK_EACH_MS = 200;

const HEALTHY = 'text-healthy';
const SICK = ['text-sick', 'video-polled', 'video-called-back'] as const;

const SICK_PROVIDERS = ['borealis-chat', 'lyra-films', 'vega-films'];

interface Suffered {
  readonly fault: string;
  readonly healthyP99Ms: number;
  readonly sick: Readonly<Record<string, number>>;
  readonly longestAttemptMs: number;
  readonly residentMb: number;
  readonly findings: readonly string[];
}

/** The number of findings, which are printed. */
export async function providerStorm(): Promise<number> {
  if (secondsEach === 0) return 0;
  const folder = await mkdtemp(join(tmpdir(), 'modelroute-providers-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const system = await startSystem({
    dataDir: join(folder, 'data'),
    env: { MODELROUTE_CATALOGUE: await writeCatalogue(folder), MODELROUTE_DEMO: '0' },
  });
  const tenant = await newTenant(system, '10000');
  await behaveWell(system.sandboxUrl);
  await suffer(system, tenant, { name: 'warm-up', behaviour: {} }, Infinity);
  const alone = await suffer(system, tenant, { name: 'nothing', behaviour: {} }, Infinity);
  console.log(lineOf(alone));
  const p99Max = Math.max(HEALTHY_FLOOR_MS, alone.healthyP99Ms) * HEALTHY_RATIO_MAX;
  const findings = [...alone.findings];
  for (const fault of providerFaults.filter(({ name }) => wanted.test(name))) {
    const suffered = await suffer(system, tenant, fault, p99Max);
    console.log(lineOf(suffered));
    findings.push(...suffered.findings);
    const grownMb = suffered.residentMb - alone.residentMb;
    if (grownMb * 1024 * 1024 > GROWTH_BYTES_MAX)
      findings.push(`${fault.name}: the process grew by ${grownMb} MB`);
  }
  const verify = await system.command(
    'verify',
    '--settled',
    '--receiver-record',
    system.sandboxUrl,
  );
  if (verify.code !== 0) findings.push(verify.output);
  const code = await system.stop();
  if (code !== 0) findings.push(`it ended with ${code}`);
  for (const one of findings.slice(0, 100)) console.log(`FINDING ${one}`);
  return findings.length;
}

/** The bundled catalogue in a hurry, with models that are sick and one that is well. */
async function writeCatalogue(folder: string): Promise<string> {
  const bundled = await readFile(join(repositoryRoot, 'catalogue.yaml'), 'utf8');
  const { providers, models } = parse(bundled) as {
    providers: Record<string, { timeout_ms: number; poll?: Record<string, number> }>;
    models: Record<string, { routes: { provider: string }[]; expires_in_seconds?: number }>;
  };
  for (const provider of Object.values(providers)) {
    provider.timeout_ms = TIMEOUT_MS;
    if (provider.poll) provider.poll = { first_ms: 200, every_ms: 200, max_ms: 1_000 };
  }
  const only = (slug: string, provider: string) => {
    const model = models[slug];
    const routes = model?.routes.filter((route) => route.provider === provider);
    if (!model || routes?.length !== 1) throw new Error(`${slug} has no route to ${provider}`);
    const rest = { unknown_max_cost: '0', max_wait_seconds: 5, attempts_max: 2 };
    return { ...model, ...rest, expires_in_seconds: EXPIRES_IN_SECONDS, routes };
  };
  const own = {
    [HEALTHY]: only('text-generation-standard', 'aurora-chat'),
    'text-sick': only('text-generation-standard', 'borealis-chat'),
    'video-polled': only('video-generation-standard', 'lyra-films'),
    'video-called-back': only('video-generation-standard', 'vega-films'),
  };
  const file = join(folder, 'catalogue.yaml');
  await writeFile(file, stringify({ providers, models: { ...models, ...own } }));
  return file;
}

const inputOf = (model: string): Submission['input'] =>
  model.startsWith('text') ? { prompt: 'weather', max_tokens: 32 } : { prompt: 'waves' };

async function suffer(
  system: System,
  tenant: Tenant,
  { name, behaviour }: ProviderFault,
  healthyMaxMs: number,
): Promise<Suffered> {
  const { sandboxUrl } = system;
  const sick = { latency: 20, jobMs: 300, ...behaviour };
  await behaveWell(sandboxUrl);
  for (const slug of SICK_PROVIDERS)
    await operate(system, `/providers/${slug}/circuit`, { state: 'closed', reason: 'a new fault' });
  await behave(sandboxUrl, { aurora: { latency: 20 }, borealis: sick, vega: sick, lyra: sick });
  const asked: string[] = [];
  const findings: string[] = [];
  const submitEach = async (models: readonly string[], everyMs: number) => {
    const ids: string[] = [];
    const until = performance.now() + secondsEach * 1_000;
    for (let n = 0; performance.now() < until; n += 1) {
      const model = models[n % models.length] ?? HEALTHY;
      const answer = await tenant.api.submit({ model, input: inputOf(model) }, newKey());
      if (answer.status === 202) ids.push(answer.body.id);
      else findings.push(`${name}: a submission was answered ${answer.status}`);
      await sleep(everyMs);
    }
    asked.push(...ids);
    return ids;
  };
  const [healthyIds, sickIds] = await Promise.all([
    submitEach([HEALTHY], HEALTHY_EACH_MS),
    submitEach(SICK, SICK_EACH_MS),
  ]);
  const healthy = await allOver(tenant, healthyIds);
  const ill = await allOver(tenant, sickIds);
  await behaveWell(sandboxUrl);
  const ownMs = healthy.map(({ created_at: from, completed_at: to }) =>
    to === null ? Infinity : Date.parse(to) - Date.parse(from),
  );
  const healthyP99Ms = ownMs.toSorted((a, b) => a - b)[Math.floor(ownMs.length * 0.99)] ?? 0;
  if (healthyP99Ms > healthyMaxMs) findings.push(`${name}: healthy p99 ${healthyP99Ms} ms`);
  const notDone = healthy.filter(({ status }) => status !== 'COMPLETED').length;
  if (notDone > 0) findings.push(`${name}: ${notDone} healthy executions are not completed`);
  const longestAttemptMs = Math.max(0, ...(await attemptsMs(system, sickIds)));
  if (longestAttemptMs > TIMEOUT_MS + DEADLINE_SLACK_MS)
    findings.push(`${name}: an attempt of ${longestAttemptMs} ms`);
  const { held } = await eventually('every hold ends', async () => {
    const balance = await tenant.api.balance();
    return Number(balance.held) === 0 ? balance : undefined;
  });
  if (Number(held) !== 0) findings.push(`${name}: ${held} is held`);
  return {
    fault: name,
    healthyP99Ms,
    sick: countsOf(ill.map(({ status, error }) => error?.code ?? status)),
    longestAttemptMs,
    residentMb: await residentMb(system.pid),
    findings,
  };
}

async function allOver(tenant: Tenant, ids: readonly string[]): Promise<ExecutionBody[]> {
  const over: ExecutionBody[] = [];
  for (const id of ids)
    over.push(
      await eventually(
        `${id} is over`,
        async () => {
          const { body } = await tenant.api.execution(id);
          return TERMINAL.includes(body.status) ? body : undefined;
        },
        PATIENCE_MS,
      ),
    );
  return over;
}

interface Seen {
  readonly attempts: readonly {
    readonly dispatched_at: string;
    readonly ended_at: string | null;
  }[];
}

async function attemptsMs(system: System, ids: readonly string[]): Promise<number[]> {
  const lasted: number[] = [];
  for (const id of ids) {
    const { attempts } = await operate<Seen>(system, `/executions/${id}`);
    for (const { dispatched_at: from, ended_at: to } of attempts)
      if (to !== null) lasted.push(Date.parse(to) - Date.parse(from));
  }
  return lasted;
}

function countsOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

const lineOf = ({ fault, healthyP99Ms, sick, longestAttemptMs, residentMb: mb }: Suffered) =>
  `${fault.padEnd(42)} healthy p99 ${String(healthyP99Ms).padStart(5)} ms, longest attempt ` +
  `${String(longestAttemptMs).padStart(5)} ms, ${mb} MB, ${JSON.stringify(sick)}`;
