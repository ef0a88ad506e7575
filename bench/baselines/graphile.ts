/**
 * Baseline of R4: a job queue on the same PostgreSQL. An http server adds a job per POST and
 * answers 202; a worker with 64 jobs at once makes the same call to the same provider and inserts
 * one row with what it answered. Batching, where wanted, is graphile-worker's own: jobs are fetched
 * and completed in batches.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger, makeWorkerUtils, run, type Runner, type Task } from 'graphile-worker';
import pg from 'pg';
import { Pool } from 'undici';
import { servePart } from './part.js';

export interface GraphileConfig {
  readonly url: string;
  readonly sandboxUrl: string;
  readonly concurrency: number;
  readonly batching: boolean;
  readonly providerModel: string;
}

export interface GraphileAsk {
  readonly work: boolean;
}

interface Job {
  readonly id: string;
  readonly input: { readonly prompt: string; readonly max_tokens: number };
}

const TABLE = `
  CREATE TABLE IF NOT EXISTS results (
    id     text PRIMARY KEY,
    output text NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
  )`;

const quiet = new Logger(() => () => undefined);

servePart<GraphileConfig, string, GraphileAsk, null>(async (config) => {
  const { url, sandboxUrl, concurrency } = config;
  const pgPool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  pgPool.on('error', () => undefined);
  pgPool.on('connect', (client) => void client.on('error', () => undefined));
  const utils = await makeWorkerUtils({ pgPool, logger: quiet });
  await utils.migrate();
  await pgPool.query(TABLE);
  const provider = new Pool(sandboxUrl, { connections: concurrency, pipelining: 1 });
  const execute = taskOf(config, provider, pgPool);
  let runner: Runner | undefined;

  const server = createServer((request, response) => {
    read(request)
      .then(async (body) => {
        const key = String(request.headers['idempotency-key']);
        const id = `${key}${KEY_END}${randomUUID()}`;
        await utils.addJob('execute', { id, input: body.input });
        return JSON.stringify({ id, status: 'PENDING' });
      })
      .then(
        (text) => response.writeHead(202, { 'content-type': 'application/json' }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async answer({ work }) {
      await runner?.stop();
      runner = work ? await startRunner(config, pgPool, execute) : undefined;
      return null;
    },
    async close() {
      server.closeAllConnections();
      await runner?.stop();
      await utils.release();
      await provider.close();
      await pgPool.end();
    },
  };
});

/** What follows it makes a job's id unique although keys are repeated. */
const KEY_END = '~';

const CONNECTIONS = 20;

function startRunner(config: GraphileConfig, pgPool: pg.Pool, execute: Task): Promise<Runner> {
  const { concurrency, batching } = config;
  const batches = { localQueue: { size: 512 }, completeJobBatchDelay: 50, failJobBatchDelay: 50 };
  return run({
    pgPool,
    concurrency,
    logger: quiet,
    noHandleSignals: true,
    taskList: { execute },
    ...(batching && { preset: { worker: batches } }),
  });
}

function taskOf({ providerModel }: GraphileConfig, provider: Pool, pgPool: pg.Pool): Task {
  return async (payload) => {
    const { id, input } = payload as Job;
    const { prompt, ...rest } = input;
    const answer = await provider.request({
      method: 'POST',
      path: '/aurora/v1/chat/completions',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer none',
        'idempotency-key': id,
      },
      body: JSON.stringify({
        ...rest,
        model: providerModel,
        messages: [{ role: 'user', content: prompt }],
      }),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`the provider answered ${answer.statusCode}`);
    const { choices } = JSON.parse(text) as { choices: [{ message: { content: string } }] };
    await pgPool.query({
      name: 'result',
      text: 'INSERT INTO results (id, output) VALUES ($1, $2)',
      values: [id, choices[0].message.content],
    });
  };
}

async function read(request: IncomingMessage): Promise<Pick<Job, 'input'>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Pick<Job, 'input'>;
}
