/**
 * The name of an operation, which generated clients call it by: a verb and the thing it is about.
 *
 *   POST /executions                       createExecution
 *   GET  /executions                       listExecutions
 *   GET  /executions/{id}/result           getExecutionResult
 *   POST /executions/{id}/cancel           cancelExecution
 *   POST /endpoints/{id}/rotate-secret     rotateEndpointSecret
 *   POST /organizations/{id}/api-keys      createOrganizationApiKey
 *   GET  /admin/v1/executions/{id}         adminGetExecution
 *
 * A route whose method and path give no readable name has an `operationId` of its own.
 */
import type { Route } from '../route.js';

export function operationIdOf(route: Route): string {
  if (route.operationId !== undefined) return route.operationId;
  const name = nameOf(route);
  return route.audience === 'operator' ? `admin${capital(name)}` : name;
}

function nameOf({ method, path, replySchemas }: Route): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  const nouns = segments.filter((segment) => !segment.startsWith('{'));
  const last = nouns.at(-1) ?? '';
  const endsInParameter = segments.at(-1) !== last;
  if (method === 'POST' && !endsInParameter && !isPlural(last)) {
    const [verb = '', ...object] = last.split('-');
    return `${verb}${thing(nouns.slice(0, -1))}${object.map(capital).join('')}`;
  }
  if (method === 'PATCH' || method === 'PUT')
    return `${VERBS[method]}${endsInParameter ? thing(nouns) : things(nouns)}`;
  if (method !== 'GET') return `${VERBS[method]}${thing(nouns)}`;
  const isList = Object.values(replySchemas).some((reply) => isListSchema(reply));
  if (isList && !endsInParameter) return `list${things(nouns)}`;
  return `get${endsInParameter || !isPlural(last) ? thing(nouns) : things(nouns)}`;
}

const VERBS = { POST: 'create', PUT: 'set', PATCH: 'update', DELETE: 'delete' } as const;

function isListSchema(reply: unknown): boolean {
  const { properties } = reply as { properties?: Readonly<Record<string, unknown>> };
  return properties?.['next_cursor'] !== undefined;
}

/** One of them: every word of the path in the singular. */
const thing = (nouns: readonly string[]): string =>
  nouns.map((noun) => capital(camel(singular(noun)))).join('');

/** Many of them. */
const things = (nouns: readonly string[]): string =>
  `${thing(nouns.slice(0, -1))}${capital(camel(nouns.at(-1) ?? ''))}`;

const isPlural = (word: string): boolean => /[^s]s$/.test(word);

const singular = (word: string): string =>
  word.endsWith('ies')
    ? `${word.slice(0, -3)}y`
    : word.endsWith('batches')
      ? word.slice(0, -2)
      : isPlural(word)
        ? word.slice(0, -1)
        : word;

const camel = (word: string): string =>
  word.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

const capital = (word: string): string => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
