/** What the specs of the sandbox share: one sandbox per case, and a caller's few gestures. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { type CallLine } from '../record.js';
import { type Sandbox, startSandbox } from '../server.js';

interface Reply<Body> {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Body;
}

export interface ApiErrorBody {
  readonly error: { message: string; type: string; param: string | null; code: string | null };
}

export interface ChatBody {
  readonly id: string;
  readonly created: number;
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly finish_reason: string;
  }[];
  readonly usage: Record<string, number>;
}

export interface ImagesBody {
  readonly created: number;
  readonly data: readonly { readonly url?: string; readonly b64_json?: string }[];
}

/** Starts a sandbox before each case, as swift as it goes, and leaves nothing behind. */
export function withSandbox(): { url(): string; restart(): Promise<void> } {
  let sandbox: Sandbox;
  let dir: string;
  const open = async () => {
    sandbox = await startSandbox({ port: 0, dir });
    const swift = { latency: 0 };
    await behave(sandbox.url, { aurora: swift, borealis: swift, polaris: swift });
  };
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbox-spec-'));
    await open();
  });
  afterEach(async () => {
    await sandbox.close();
    await rm(dir, { recursive: true });
  });
  return {
    url: () => sandbox.url,
    async restart() {
      await sandbox.close();
      await open();
    },
  };
}

export async function post<Body>(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Reply<Body>> {
  const reply = await request(url, {
    method: 'POST',
    headers: { authorization: 'Bearer any', 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: reply.statusCode,
    headers: reply.headers,
    body: (await reply.body.json()) as Body,
  };
}

export function prompt(content: string, more: Record<string, unknown> = {}) {
  return { model: 'text-1', messages: [{ role: 'user', content }], ...more };
}

export async function calls(url: string, search = ''): Promise<CallLine[]> {
  const { body } = await request(`${url}/_sandbox/calls${search}`);
  return ((await body.json()) as { data: CallLine[] }).data;
}

export async function behave(url: string, patch: unknown): Promise<Reply<unknown>> {
  const reply = await request(`${url}/_sandbox/behaviour`, {
    method: 'PUT',
    body: JSON.stringify(patch),
  });
  return { status: reply.statusCode, headers: reply.headers, body: await reply.body.json() };
}
