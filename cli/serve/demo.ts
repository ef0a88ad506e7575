/**
 * The demo: on a new data folder an organization with $100, and its first executions through the
 * same public API that everybody uses.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { FileId } from '../../contracts/ids.js';
import type { FileStore } from '../../infra/files/port.js';
import type { Log } from '../../infra/logger.js';

export interface DemoOptions {
  readonly baseUrl: string;
  readonly adminKey: string;
  readonly dataDir: string;
  /** Tells where a picture lies. */
  readonly files: Pick<FileStore, 'locationOf'>;
  readonly log: Log;
}

interface Credentials {
  readonly base_url: string;
  readonly api_key: string;
  readonly admin_key: string;
  readonly organization_id: string;
  readonly webhook_secret: string;
}

const CREDENTIALS_FILE = 'dev-credentials.json';

const firstExecutions = [
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
] as const;

/** Undefined when the data folder has its demo already; only the address is brought up to date. */
export async function prepareDemo(options: DemoOptions): Promise<Credentials | undefined> {
  const { baseUrl, adminKey, dataDir } = options;
  const file = join(dataDir, CREDENTIALS_FILE);
  if (existsSync(file)) {
    await refreshAddress(file, baseUrl, adminKey);
    return undefined;
  }
  const admin = (path: string, body: object) =>
    call<Record<string, string>>(`${baseUrl}/admin/v1${path}`, adminKey, body, 'demo');
  const organization = await admin('/organizations', { name: 'Demo' });
  const of = `/organizations/${organization['id']}`;
  await admin(`${of}/top-ups`, { amount: '100', idempotency_key: 'demo' });
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

export async function runDemo(options: DemoOptions, credentials: Credentials): Promise<void> {
  const { log, dataDir } = options;
  log.info(`demo: keys are in ${join(dataDir, CREDENTIALS_FILE)}`);
  for (const first of firstExecutions) await runOne(options, credentials.api_key, first);
  const balance = await call<Record<string, string>>(
    `${options.baseUrl}/v1/billing/balance`,
    credentials.api_key,
  );
  const { available = '', held = '' } = balance;
  log.info(`demo: done; $${available} available, $${held} held. Try it yourself: see README.md`);
}

interface Execution {
  readonly id: string;
  readonly status: string;
  readonly cost: string | null;
  readonly result?: { readonly images?: readonly { readonly file_id: FileId }[] };
  readonly error?: { readonly code: string };
}

interface TimelineEntry {
  readonly sequence: number;
  readonly type: string;
  readonly at: string;
}

const TERMINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'];
const DEMO_MS = 60_000;

async function runOne(
  { baseUrl, files, log }: DemoOptions,
  apiKey: string,
  { key, ...body }: (typeof firstExecutions)[number],
): Promise<void> {
  const get = <T>(path: string) => call<T>(`${baseUrl}/v1${path}`, apiKey);
  const accepted = await call<Execution & { hold_amount: string }>(
    `${baseUrl}/v1/executions`,
    apiKey,
    body,
    key,
  );
  const { id } = accepted;
  log.info(`demo: ${body.model} → 202 ${id}, $${accepted.hold_amount} held`);
  const deadline = Date.now() + DEMO_MS;
  let shown = 0;
  for (;;) {
    const execution = await get<Execution>(`/executions/${id}`);
    const { data } = await get<{ data: TimelineEntry[] }>(`/executions/${id}/events`);
    for (const entry of data.slice(shown))
      log.info(`demo:   ${entry.at}  ${entry.sequence} ${entry.type}`);
    shown = data.length;
    if (TERMINAL.includes(execution.status)) return tellEnd(get, files, log, execution);
    if (Date.now() > deadline) {
      log.warn(`demo: ${id} is still ${execution.status}; going on without it`);
      return;
    }
    await sleep(20);
  }
}

type Get = <T>(path: string) => Promise<T>;

async function tellEnd(
  get: Get,
  files: DemoOptions['files'],
  log: Log,
  execution: Execution,
): Promise<void> {
  const { id, status, cost, error, result } = execution;
  if (status !== 'COMPLETED') {
    log.warn(`demo:   ended ${status}${error ? ` (${error.code})` : ''}`);
    return;
  }
  const path = `/billing/ledger?execution_id=${id}`;
  for (;;) {
    const { data } = await get<{ data: Record<string, string>[] }>(path);
    const settled = data.some(({ type }) => type === 'SETTLEMENT');
    if (!settled) {
      await sleep(20);
      continue;
    }
    for (const { type = '', amount = '', balance = '' } of data.toReversed())
      log.info(`demo:   ledger ${type.padEnd(10)} ${amount.padStart(9)}  → $${balance}`);
    break;
  }
  const images = result?.images ?? [];
  for (const { file_id: fileId } of images)
    log.info(`demo:   image ${fileId} is at ${files.locationOf(fileId)}`);
  if (images.length > 0) return log.info(`demo:   cost $${cost}`);
  const { output } = await get<{ output: { text: string } }>(`/executions/${id}/result`);
  log.info(`demo:   cost $${cost}; "${output.text.slice(0, 120)}…"`);
}

async function call<T>(
  url: string,
  key: string,
  body?: object,
  idempotencyKey?: string,
): Promise<T> {
  const answer = await request(url, {
    method: body ? 'POST' : 'GET',
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

async function refreshAddress(file: string, baseUrl: string, adminKey: string): Promise<void> {
  const credentials = JSON.parse(await readFile(file, 'utf8')) as Credentials;
  if (credentials.base_url === baseUrl && credentials.admin_key === adminKey) return;
  await writeCredentials(file, { ...credentials, base_url: baseUrl, admin_key: adminKey });
}

const writeCredentials = (file: string, credentials: Credentials): Promise<void> =>
  writeFile(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flush: true });
