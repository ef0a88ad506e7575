/** A real server over tiny routes, a key that opens it, and a client; for specs of this folder. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import type { Permission } from '../../../contracts/events/api-key.js';
import { apiKeyIdOf, type ApiKeyId } from '../../../contracts/ids.js';
import { streamOf } from '../../../contracts/streams.js';
import { openRepositories } from '../../../command-handling/repositories.js';
import { appendOf } from '../../../command-handling/streams.js';
import { NO_STREAM, type EventStore } from '../../../infra/event-store/port.js';
import { openMemoryEventStore } from '../../../infra/event-store/testing/memory.js';
import { openMetrics } from '../../../infra/metrics.js';
import { atEnd } from '../../../testing/at-end.js';
import { apiKeyHash, apiKeyText } from '../api-key-text.js';
import { openAuthenticator } from '../auth.js';
import type { ByteBudget } from '../byte-budget.js';
import type { Pages } from '../pages.js';
import type { RateLimits } from '../rate-limits.js';
import type { RefusalDelays } from '../refusal-delays.js';
import type { Mount, Route } from '../route.js';
import { serveRoutes } from '../serve-routes.js';

export const ORGANIZATION = 'org_11111111-1111-4111-8111-111111111111';
export const ADMIN_KEY = 'an-operator-key-of-a-spec';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: unknown;
}

export interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | object;
}

export interface TestServer {
  readonly port: number;
  readonly apiKey: string;
  readonly logged: readonly Record<string, unknown>[];
  /** The text of another key of the organization. */
  newKey(options: KeyOptions): Promise<string>;
  /** With the API key, and JSON for an object. */
  ask(method: string, path: string, asking?: Asking): Promise<Answer>;
  /** Sends bytes as they are and reads until the other side closes. */
  raw(bytes: string | Buffer): Promise<string>;
  close(): Promise<void>;
}

interface TestServerOptions {
  readonly routes: readonly Route[];
  readonly elsewhere?: readonly Route[];
  readonly mounts?: readonly Mount[];
  readonly pages?: readonly Pages[];
  readonly budget?: ByteBudget;
  readonly bodyMs?: number;
  readonly rateLimits?: RateLimits;
  readonly refusalDelays?: RefusalDelays;
}

/** A spec that fails before it closes the server leaves that to the end of all. */
export async function openTestServer(options: TestServerOptions): Promise<TestServer> {
  const store = openMemoryEventStore();
  const { key: apiKey } = await createKey(store);
  const logged: Record<string, unknown>[] = [];
  const write = (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>);
  const server = await serveRoutes({
    mounts: [],
    ...options,
    authenticator: openAuthenticator({
      ...openRepositories(store),
      adminKey: ADMIN_KEY,
      now: Date.now,
    }),
    log: pino({ level: 'debug', base: null }, { write }),
    metrics: openMetrics(),
    now: Date.now,
    port: 0,
    host: '127.0.0.1',
  });
  const agent = new Agent({ keepAliveTimeout: 1_000 });
  const forget = atEnd(close);
  async function close(): Promise<void> {
    forget();
    await Promise.all([server.close(), agent.close()]);
    await store.close();
  }
  return {
    port: server.port,
    apiKey,
    logged,
    newKey: async (about) => (await createKey(store, about)).key,
    async ask(method, path, { headers = {}, body } = {}) {
      const isObject = typeof body === 'object' && !Buffer.isBuffer(body);
      const response = await request(`http://127.0.0.1:${server.port}${path}`, {
        dispatcher: agent,
        method: method as 'GET',
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: isObject ? JSON.stringify(body) : (body ?? null),
      });
      const text = await response.body.text();
      const json = /json/.test(String(response.headers['content-type'])) && text.length > 0;
      return {
        status: response.statusCode,
        headers: response.headers,
        text,
        json: json ? (JSON.parse(text) as unknown) : undefined,
      };
    },
    raw: (bytes) => exchange(server.port, bytes),
    close,
  };
}

interface KeyOptions {
  readonly permission?: Permission;
  readonly expiresAt?: string;
}

/** Writes a key's creation to the store, as the command API does. */
export async function createKey(store: EventStore, options: KeyOptions = {}) {
  const key = apiKeyText(randomBytes(32));
  const hash = apiKeyHash(key);
  const keyId = apiKeyIdOf(hash);
  const { permission = 'FULL', ...rest } = options;
  const about = { name: 'a key', hint: key.slice(-4), at: new Date().toISOString() };
  const data = {
    organizationId: ORGANIZATION,
    keyId,
    permission,
    hash,
    ...about,
    ...rest,
  } as const;
  const append = appendOf(
    streamOf('apiKey', keyId),
    NO_STREAM,
    [{ type: 'ApiKeyCreated', data }],
    specMetadata,
  );
  await store.append({ appends: [append] });
  return { key, keyId };
}

export async function revokeKey(store: EventStore, keyId: ApiKeyId): Promise<void> {
  const data = { organizationId: ORGANIZATION, keyId, at: new Date().toISOString() } as const;
  const event = { type: 'ApiKeyRevoked', data } as const;
  await store.append({ appends: [appendOf(streamOf('apiKey', keyId), 0, [event], specMetadata)] });
}

const specMetadata = { actor: 'operator', correlationId: ORGANIZATION, causationId: 'spec' };

function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('close', () => resolve(text));
    socket.on('error', (error) => (text ? resolve(text) : reject(error)));
  });
}
