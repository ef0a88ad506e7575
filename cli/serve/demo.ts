/**
 * The demo: on a new data folder an organization with $100, and its first executions through the
 * same public API that everybody uses.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { FileId } from '../../contracts/ids.js';
import type { Log } from '../../infra/logger.js';
import {
  openDemoStory,
  type AttemptLine,
  type DemoStory,
  type LedgerLine,
  type TimelineEntry,
} from './demo-story.js';

export interface DemoOptions {
  readonly baseUrl: string;
  readonly adminKey: string;
  /** Without a sandbox that obeys, no provider fails on purpose. */
  readonly sandboxUrl: string | undefined;
  readonly dataDir: string;
  readonly log: Log;
  readonly isTerminal: boolean;
}

interface Credentials {
  readonly base_url: string;
  readonly api_key: string;
  readonly admin_key: string;
  readonly organization_id: string;
  readonly webhook_secret: string;
}

const CREDENTIALS_FILE = 'dev-credentials.json';

interface First {
  readonly key: string;
  readonly model: string;
  readonly input: Readonly<Record<string, string | number>>;
}

const firstExecutions: readonly First[] = [
  {
    key: 'demo-text',
    model: 'text-generation-standard',
    input: { prompt: 'In one paragraph: why is an append-only log a good ledger?' },
  },
  {
    key: 'demo-image',
    model: 'flux-1.1-pro',
    input: { prompt: 'A lighthouse over a sea of paper boats at dawn' },
  },
  {
    key: 'demo-speech',
    model: 'tts-standard',
    input: { text: 'Every job is paid from a prepaid balance, and every step is an event.' },
  },
  {
    key: 'demo-video',
    model: 'video-generation-standard',
    input: { prompt: 'The moon travels over a bay', duration_s: 2 },
  },
];

/** The first provider of the model refuses it, once; the next one answers. */
const failover: First = {
  key: 'demo-failover',
  model: 'text-generation-standard',
  input: { prompt: 'In one sentence: what becomes of a job whose provider fails?' },
};
const FAILING = 'aurora';

/**
 * Prepares the demo, calls `onReady`, and runs the demo where it has not run yet. A demo that fails
 * is a warning: the system is up all the same.
 */
export async function withDemo(options: DemoOptions, onReady: () => void): Promise<void> {
  const { log, isTerminal } = options;
  const credentials = await quietly(log, isTerminal, () => prepareDemo(options));
  onReady();
  if (!credentials) return;
  try {
    await quietly(log, isTerminal, () => runDemo(options, credentials));
  } catch (err) {
    log.warn({ err }, 'the demo did not finish; the system is up all the same');
  }
}

/** On a terminal the log's ordinary lines would interrupt the story. */
async function quietly<T>(log: Log, isTerminal: boolean, work: () => Promise<T>): Promise<T> {
  const { level } = log;
  if (isTerminal) log.level = 'warn';
  try {
    return await work();
  } finally {
    log.level = level;
  }
}

/** Undefined when the data folder has its demo already; only the address is brought up to date. */
async function prepareDemo(options: DemoOptions): Promise<Credentials | undefined> {
  const { baseUrl, adminKey, dataDir } = options;
  const file = join(dataDir, CREDENTIALS_FILE);
  if (existsSync(file)) {
    if (await refreshAddress(file, baseUrl, adminKey)) return undefined;
    options.log.warn({ file }, 'the demo’s credentials are damaged: it gets new ones');
  }
  const admin = (path: string, body: object) =>
    call<Record<string, string>>(`${baseUrl}/admin/v1${path}`, adminKey, body, 'demo');
  const organization = await admin('/organizations', { name: 'Demo' });
  const of = `/organizations/${organization['id']}`;
  await admin(`${of}/top-ups`, { amount: '100', idempotency_key: 'demo' });
  // Whoever tries it out is not to meet a limit first.
  const unlimited = { requests_per_minute: 0 };
  const limit = `${baseUrl}/admin/v1${of}/rate-limit`;
  await call(limit, adminKey, unlimited, undefined, 'PATCH');
  const key = await admin(`${of}/api-keys`, { name: 'demo' });
  const credentials: Credentials = {
    base_url: baseUrl,
    api_key: key['key'] ?? '',
    admin_key: adminKey,
    organization_id: organization['id'] ?? '',
    webhook_secret: organization['webhook_secret'] ?? '',
  };
  await writeCredentials(file, credentials);
  return credentials;
}

async function runDemo(options: DemoOptions, credentials: Credentials): Promise<void> {
  const { baseUrl, dataDir, log, isTerminal } = options;
  const story = openDemoStory(log, isTerminal);
  story.keysAreIn(join(dataDir, CREDENTIALS_FILE));
  for (const first of firstExecutions)
    await runOne({ ...options, story }, credentials.api_key, first);
  await failOver({ ...options, story }, credentials.api_key);
  story.isOver(await call<Balance>(`${baseUrl}/v1/billing/balance`, credentials.api_key), baseUrl);
}

/** The system has no other work yet, so that nobody else's call is refused. */
async function failOver(options: Telling, apiKey: string): Promise<void> {
  const { baseUrl, adminKey, sandboxUrl, story } = options;
  if (sandboxUrl === undefined) return;
  const behave = (errorRate: number) =>
    request(`${sandboxUrl}/_sandbox/behaviour`, {
      method: 'PUT',
      body: JSON.stringify({ [FAILING]: { errorRate, errorStatus: 503 } }),
    }).then(({ body }) => body.dump());
  await behave(1);
  try {
    const id = await runOne(options, apiKey, failover);
    const path = `${baseUrl}/admin/v1/executions/${id}`;
    const { attempts } = await call<{ attempts: readonly AttemptLine[] }>(path, adminKey);
    story.wasAttempted(attempts);
  } finally {
    await behave(0);
  }
}

interface Balance {
  readonly available: string;
  readonly held: string;
}

interface ResultFile {
  readonly file_id: FileId;
  readonly format: string;
}

interface Execution {
  readonly id: string;
  readonly status: string;
  readonly cost: string | null;
  readonly result?: {
    readonly images?: readonly ResultFile[];
    readonly audio?: ResultFile;
    readonly video?: ResultFile;
  };
  readonly error?: { readonly code: string };
}

const TERMINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'];
const DEMO_MS = 60_000;
const POLL_MS = 20;

type Telling = DemoOptions & { readonly story: DemoStory };

/** Its id. */
async function runOne(
  { baseUrl, dataDir, story }: Telling,
  apiKey: string,
  { key, ...body }: First,
): Promise<string> {
  const url = `${baseUrl}/v1`;
  const get = <T>(path: string) => call<T>(`${url}${path}`, apiKey);
  const accepted = await call<Execution & { readonly hold_amount: string }>(
    `${url}/executions`,
    apiKey,
    body,
    key,
  );
  story.wasAccepted({
    id: accepted.id,
    model: body.model,
    prompt: String(body.input['prompt'] ?? body.input['text']),
    held: accepted.hold_amount,
  });
  const ended = await untilEnded(get, accepted.id, story);
  const { id } = ended;
  if (ended.status !== 'COMPLETED') {
    story.didNotComplete(ended.status, ended.error?.code);
    return id;
  }
  story.wasPaid(await ledgerOf(get, ended.id), ended.cost ?? '');
  const { images, audio, video } = ended.result ?? {};
  const made = images?.[0] ?? audio ?? video;
  if (!made) {
    const result = await get<{ output: { text: string } }>(`/executions/${ended.id}/result`);
    story.answered(result.output.text);
    return id;
  }
  const bytes = await download(`${url}/files/${made.file_id}/download`, apiKey);
  const folder = join(dataDir, 'demo');
  const path = join(folder, `${body.model}.${made.format}`);
  await mkdir(folder, { recursive: true });
  await writeFile(path, bytes);
  const kind = images ? 'image' : audio ? 'audio' : 'video';
  story.madeFile({ kind, fileId: made.file_id, path });
  return id;
}

type Get = <T>(path: string) => Promise<T>;

/** The execution as it ended, or as it is after a minute; its timeline is shown as it happens. */
async function untilEnded(get: Get, id: string, story: DemoStory): Promise<Execution> {
  const deadline = Date.now() + DEMO_MS;
  for (let shown = 0; ; await sleep(POLL_MS)) {
    const execution = await get<Execution>(`/executions/${id}`);
    const { data } = await get<{ data: TimelineEntry[] }>(`/executions/${id}/events`);
    for (const entry of data.slice(shown)) story.happened(entry);
    shown = data.length;
    if (TERMINAL.includes(execution.status) || Date.now() > deadline) return execution;
  }
}

/** Oldest first, once the hold is settled. */
async function ledgerOf(get: Get, id: string): Promise<readonly LedgerLine[]> {
  for (;;) {
    const { data } = await get<{ data: LedgerLine[] }>(`/billing/ledger?execution_id=${id}`);
    if (data.some(({ type }) => type === 'SETTLEMENT')) return data.toReversed();
    await sleep(POLL_MS);
  }
}

/** Follows the redirect of a system whose files are in an S3 store. */
async function download(url: string, key: string): Promise<Buffer> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  if (!answer.ok) throw new Error(`the demo's ${url} was answered ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

async function call<T>(
  url: string,
  key: string,
  body?: object,
  idempotencyKey?: string,
  method: 'GET' | 'POST' | 'PATCH' = body ? 'POST' : 'GET',
): Promise<T> {
  const answer = await request(url, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300)
    throw new Error(`the demo's ${url} was answered ${answer.statusCode}: ${text}`);
  return JSON.parse(text) as T;
}

/** False when the file is not what was written. */
async function refreshAddress(file: string, baseUrl: string, adminKey: string): Promise<boolean> {
  const credentials = credentialsIn(await readFile(file, 'utf8'));
  if (!credentials) return false;
  if (credentials.base_url !== baseUrl || credentials.admin_key !== adminKey)
    await writeCredentials(file, { ...credentials, base_url: baseUrl, admin_key: adminKey });
  return true;
}

function credentialsIn(text: string): Credentials | undefined {
  try {
    const { api_key: key } = JSON.parse(text) as Credentials;
    return typeof key === 'string' ? (JSON.parse(text) as Credentials) : undefined;
  } catch {
    return undefined;
  }
}

const writeCredentials = (file: string, credentials: Credentials): Promise<void> =>
  writeFile(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flush: true });
