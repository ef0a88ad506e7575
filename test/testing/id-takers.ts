/** The routes that take an id, as the served document has them, and a thing of each kind of id. */
import { send, type Answer, type Client, type Tenant } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import type { System } from '../../testing/system.js';
import { accept, imageOf, newKey, textOf, whenOver } from './executions.js';

type Schema = Readonly<Record<string, unknown>>;
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly security: readonly Schema[];
  readonly parameters?: readonly { name: string; in: Place | 'header'; schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Schema }>> };
}

type Place = 'path' | 'query' | 'body';

/** One id that one operation takes. */
export interface Taker {
  readonly method: string;
  readonly path: string;
  readonly place: Place;
  readonly name: string;
  /** `exec`, `file`, … */
  readonly kind: string;
  readonly body: Schema | undefined;
}

const idForm = /^\^([a-z]+)_\[0-9a-f\]/;

export async function takersOf({ baseUrl }: System): Promise<readonly Taker[]> {
  const { body } = await send<Document>(`${baseUrl}/openapi.json`, 'GET');
  return takersIn(body);
}

export const named = ({ method, path, place, name }: Taker): string =>
  `${method} ${path} (${place} ${name})`;

/** With what else the route needs. */
export function askFor(api: Client, taker: Taker, id: string): Promise<Answer> {
  const { method, place, name, body } = taker;
  const path = taker.path.replace('/v1', '').replace('{id}', id);
  const query = place === 'query' ? `?${name}=${id}` : '';
  const recent = body && 'since' in body && { since: new Date(Date.now() - 60_000).toISOString() };
  const filled = body && { ...body, ...recent, ...(place === 'body' && { [name]: id }) };
  const isNamed = body !== undefined && 'idempotency_key' in body;
  const headers: Record<string, string> = isNamed ? {} : { 'idempotency-key': newKey() };
  return api.call(method, `${path}${query}`, { headers, ...(filled && { body: filled }) });
}

/** One of each kind, made by its owner. */
export async function thingsOf({ api }: Tenant): Promise<Readonly<Record<string, string>>> {
  const make = async (path: string, body: object) => {
    const answer = await api.call<{ id: string; batch_id?: string }>('POST', path, { body });
    if (answer.status >= 300) throw new Error(`${path} was answered ${answer.text}`);
    return answer.body.batch_id ?? answer.body.id;
  };
  const we = await make('/webhooks/endpoints', { url: 'https://receiver.invalid/hook' });
  const key = await make('/api-keys', { name: 'another' });
  const items = [{ ...textOf('One of a batch'), idempotency_key: newKey() }];
  const batch = await make('/executions/batch', { executions: items });
  const { id: exec } = await accept(api, imageOf('A river'));
  await whenOver(api, exec);
  const { body } = await api.result(exec);
  const [image] = (body as unknown as { output: { images: { file_id: string }[] } }).output.images;
  const delivery = await eventually('a delivery', async () => {
    const deliveries = await api.all<{ id: string }>(`/webhooks/deliveries?endpoint_id=${we}`);
    return deliveries[0];
  });
  return { exec, batch, file: image?.file_id ?? '', we, dlv: delivery.id, key };
}

/** Others of these kinds, of which more is stored or less than of most: by kind, then by name. */
export async function furtherThingsOf({
  api,
}: Tenant): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const video = { model: 'video-generation-standard', input: { prompt: 'A river' } };
  const { id: running } = await accept(api, video);
  const { id: erased } = await accept(api, textOf('To be erased'));
  await whenOver(api, erased);
  await api.call('DELETE', `/executions/${erased}/payloads`);
  const executions = Array.from({ length: 1_000 }, (_, n) => ({
    ...textOf(`${n}`),
    idempotency_key: newKey(),
  }));
  const large = await api.call<{ batch_id: string }>('POST', '/executions/batch', {
    body: { executions },
  });
  return { exec: { running, erased }, batch: { 'of 1,000': large.body.batch_id } };
}

function takersIn({ paths, components }: Document): readonly Taker[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) => {
      if (!('apiKey' in (operation.security[0] ?? {}))) return [];
      const body = exampleOf(operation.requestBody, components.schemas);
      const about = { method: method.toUpperCase(), path, body: body?.example };
      const ids = (operation.parameters ?? []).flatMap((parameter) => {
        const kind = kindOf(parameter.schema);
        const { name, in: place } = parameter;
        return kind && place !== 'header' ? [{ ...about, place, name, kind }] : [];
      });
      const inBody = Object.entries(body?.properties ?? {}).flatMap(([name, schema]) => {
        const kind = kindOf(schema);
        return kind ? [{ ...about, place: 'body' as const, name, kind }] : [];
      });
      return [...ids, ...inBody];
    }),
  );
}

const kindOf = ({ pattern }: Schema): string | undefined =>
  typeof pattern === 'string' ? idForm.exec(pattern)?.[1] : undefined;

/** The body's schema and the example that the document gives. */
function exampleOf(
  requestBody: Operation['requestBody'],
  schemas: Readonly<Record<string, Schema>>,
) {
  const schema = requestBody?.content['application/json']?.schema;
  if (!schema) return undefined;
  const { $ref: reference = '' } = schema as { $ref?: string };
  const name = reference.split('/').at(-1) ?? '';
  const { properties = {}, examples = [{}] } = schemas[name] ?? schema;
  const [example] = examples as readonly Schema[];
  return { properties: properties as Readonly<Record<string, Schema>>, example };
}
