/** The running system's admin API, for commands: errors come back as one sentence. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import type { Config } from '../infra/config/config.js';
import { StartError } from '../infra/start-error.js';
import type { Context } from './context.js';

type Headers = Readonly<Record<string, string>>;

export interface AdminApi {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: object, headers?: Headers): Promise<T>;
  put<T>(path: string, body: object, headers?: Headers): Promise<T>;
  delete(path: string, headers?: Headers): Promise<void>;
}

const TIMEOUT_MS = 30_000;

/** `url` names another system than the one of this data folder. */
export async function openAdminApi(context: Context, url: string | undefined): Promise<AdminApi> {
  const config = context.config();
  const base = `${await baseUrlOf(context, config, url)}/admin/v1`;
  const key = await adminKeyOf(config);
  const call = async <T>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    { signal }: Context,
    body?: object,
    headers: Headers = {},
  ): Promise<T> => {
    const { statusCode, text } = await send(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    if (statusCode >= 300) throw refusal(base, statusCode, text);
    return jsonOf<T>(text === '' ? 'null' : text, base);
  };
  return {
    get: (path) => call('GET', path, context),
    post: (path, body, headers) => call('POST', path, context, body, headers),
    put: (path, body, headers) => call('PUT', path, context, body, headers),
    delete: (path, headers) => call('DELETE', path, context, undefined, headers),
  };
}

const CREDENTIALS = 'dev-credentials.json';

/** `where`: what should have been JSON. */
function jsonOf<T>(text: string, where: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new StartError(`${where} is not JSON: is it what it should be, and whole?`);
  }
}

async function baseUrlOf(
  { env }: Context,
  { port, dataDir }: Config,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) {
    if (/^https?:\/\//.test(given) && URL.canParse(given)) return given.replace(/\/+$/, '');
    throw new StartError(`--url is '${given}', which is no http address.`);
  }
  if (env()['PORT'] && port > 0) return `http://127.0.0.1:${port}`;
  const text = await textOf(join(dataDir, CREDENTIALS));
  if (text !== undefined) return jsonOf<{ base_url: string }>(text, CREDENTIALS).base_url;
  if (port > 0) return `http://127.0.0.1:${port}`;
  throw new StartError('PORT is 0 and the data folder does not say which was picked: use --url.');
}

async function adminKeyOf({ adminKey, dataDir }: Config): Promise<string> {
  const path = join(dataDir, 'admin-key');
  const key = adminKey ?? (await textOf(path))?.trim();
  if (key) return key;
  throw new StartError(
    `The operator's key is missing: set MODELROUTE_ADMIN_KEY, since there is no ${path}.`,
  );
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new StartError(`${path} cannot be read: ${code ?? message}.`);
  }
}

async function send(url: string, options: Parameters<typeof request>[1]) {
  try {
    const { statusCode, body } = await request(url, options);
    return { statusCode, text: await body.text() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const { origin } = new URL(url);
    throw new StartError(
      `Nothing of use answers at ${origin} (${code ?? message}): start the system with ` +
        "'modelroute serve', or name it with --url.",
      { cause: error },
    );
  }
}

interface Envelope {
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly details?: readonly { readonly field: string; readonly message: string }[];
  };
}

function refusal(base: string, status: number, text: string): StartError {
  let error: Envelope['error'];
  try {
    ({ error } = JSON.parse(text) as Envelope);
  } catch {
    error = undefined;
  }
  if (!error) return new StartError(`${base} answered ${status}, and nothing that explains it.`);
  const details = (error.details ?? []).map(({ field, message }) => `${field} ${message}`);
  const why = [error.message.replace(/\.$/, ''), ...details].join('; ');
  return new StartError(`Refused with ${status} ${error.code}: ${why}.`);
}
