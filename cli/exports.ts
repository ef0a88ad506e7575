/** `exports list`, `exports set`, `exports remove`. */
import { openAdminApi } from './admin-api.js';
import type { Context } from './context.js';
import { asJson, table } from './table.js';

interface ApiOptions {
  readonly url?: string;
  readonly json?: true;
}

interface Shown {
  readonly name: string;
  readonly organization_id: string | null;
  readonly format: string;
  readonly folder: string | null;
  readonly s3: { readonly bucket: string; readonly prefix?: string } | null;
  readonly kafka: { readonly topic: string } | null;
  readonly state: string;
  readonly lag_events: number;
  readonly lag_seconds: number;
  readonly events: number;
  readonly files: number;
  readonly error: string | null;
}

export async function listExports(context: Context, { url, json }: ApiOptions): Promise<void> {
  const api = await openAdminApi(context, url);
  const { data } = await api.get<{ readonly data: readonly Shown[] }>('/exports');
  if (json) return context.print(asJson(data));
  const head = ['NAME', 'OF', 'FORMAT', 'TO', 'STATE', 'EVENTS', 'FILES', 'BEHIND', 'ERROR'];
  const rows = data.map((one) => [
    one.name,
    one.organization_id ?? 'all',
    one.format,
    placeOf(one),
    one.state,
    String(one.events),
    String(one.files),
    `${one.lag_events} (${Math.round(one.lag_seconds)} s)`,
    one.error ?? '',
  ]);
  context.print(table(head, rows));
}

function placeOf({ folder, s3, kafka }: Shown): string {
  if (kafka) return `topic ${kafka.topic}`;
  return s3 ? `s3://${[s3.bucket, s3.prefix].filter(Boolean).join('/')}` : `exports/${folder}`;
}

export interface SetExportOptions extends ApiOptions {
  readonly organization?: string;
  readonly format?: string;
  readonly operatorColumns?: true;
  readonly topic?: string;
  readonly brokers?: string;
  /** False where `--no-tls` was given. */
  readonly tls: boolean;
  readonly sasl?: string;
  readonly usernameEnv?: string;
  readonly passwordEnv?: string;
  readonly folder?: string;
  readonly bucket?: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly prefix?: string;
  readonly accessKeyEnv?: string;
  readonly secretKeyEnv?: string;
  readonly sessionTokenEnv?: string;
  readonly from?: string;
  readonly eventsMax?: number;
  readonly delaySeconds?: number;
  readonly reason?: string;
}

export async function setExport(
  context: Context,
  name: string,
  options: SetExportOptions,
): Promise<void> {
  const api = await openAdminApi(context, options.url);
  const path = `/exports/${encodeURIComponent(name)}`;
  const set = await api.put<Shown>(path, bodyOf(options), reasonIn(options));
  context.print(options.json ? asJson(set) : `${set.name}: ${set.format} to ${placeOf(set)}`);
}

function bodyOf(options: SetExportOptions): object {
  const { bucket, endpoint, region, prefix, folder, from, eventsMax, delaySeconds } = options;
  const s3 = bucket !== undefined && {
    bucket,
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(prefix !== undefined && { prefix }),
    ...(options.accessKeyEnv !== undefined && { access_key_env: options.accessKeyEnv }),
    ...(options.secretKeyEnv !== undefined && { secret_key_env: options.secretKeyEnv }),
    ...(options.sessionTokenEnv !== undefined && { session_token_env: options.sessionTokenEnv }),
  };
  return {
    format: options.format ?? (options.topic === undefined ? 'parquet' : 'cloudevents'),
    ...(options.topic !== undefined && { kafka: topicIn(options, options.topic) }),
    ...(options.operatorColumns && { operator_columns: true }),
    ...(options.organization !== undefined && { organization_id: options.organization }),
    ...(folder !== undefined && { folder }),
    ...(s3 && { s3 }),
    ...(from !== undefined && { from }),
    ...(eventsMax !== undefined && { events_max: eventsMax }),
    ...(delaySeconds !== undefined && { delay_seconds: delaySeconds }),
  };
}

const topicIn = (options: SetExportOptions, topic: string): object => ({
  brokers: (options.brokers ?? '').split(',').map((broker) => broker.trim()),
  topic,
  tls: options.tls,
  ...(options.sasl !== undefined && { sasl: options.sasl }),
  ...(options.usernameEnv !== undefined && { username_env: options.usernameEnv }),
  ...(options.passwordEnv !== undefined && { password_env: options.passwordEnv }),
});

export async function removeExport(
  context: Context,
  name: string,
  options: { readonly url?: string; readonly reason?: string },
): Promise<void> {
  const api = await openAdminApi(context, options.url);
  await api.delete(`/exports/${encodeURIComponent(name)}`, reasonIn(options));
  context.print(`${name}: removed; what it wrote stays`);
}

const reasonIn = ({ reason }: { readonly reason?: string }): Record<string, string> =>
  reason === undefined ? {} : { 'x-reason': reason };
