/**
 * Writes docs/contracts/ from the schemas in contracts/ and from the routes: every event with its
 * fields, the error codes, the OpenAPI document, the JSON Schema of catalogue files. With `--check`
 * it writes nothing and fails when a file is stale.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { commandRoutes } from '../command-api/app.js';
import { catalogueSchema } from '../contracts/catalogue/catalogue.schema.js';
import { errorCatalogue } from '../contracts/error-codes.js';
import { eventSchemas } from '../contracts/events/all.js';
import type { EventSchema } from '../contracts/events/envelope.js';
import { timestamp } from '../contracts/events/schema-parts.js';
import { openApiDocument } from '../http/server/openapi/openapi.js';
import { configFrom } from '../infra/config/config.js';
import { queryRoutes } from '../query-api/app.js';
import type { Infra } from '../runtime/infra.js';

const pages: Readonly<Record<string, string>> = {
  'docs/contracts/events.md': eventsPage(),
  'docs/contracts/error-codes.md': errorsPage(),
  'docs/contracts/events.schema.json': `${JSON.stringify(allSchemas(), null, 2)}\n`,
  'docs/contracts/catalogue.schema.json': `${JSON.stringify(catalogueSchema, null, 2)}\n`,
  'docs/contracts/openapi.json': `${JSON.stringify(wholeApi(), null, 2)}\n`,
};

const stale = Object.entries(pages).filter(
  ([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text,
);
if (process.argv.includes('--check')) {
  for (const [path] of stale) process.stderr.write(`${path} is stale: run make contracts\n`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  mkdirSync('docs/contracts', { recursive: true });
  for (const [path, text] of stale) writeFileSync(path, text);
}

function eventsPage(): string {
  const sections = Object.entries(eventSchemas).map(
    ([type, schema]) => `## ${type}\n\n${schema.meaning}\n\n${fieldsOf(schema)}`,
  );
  return [
    '# Events',
    'Generated from `contracts/events` by `make contracts`. Money is a decimal string in dollars.',
    ...sections,
    '',
  ].join('\n\n');
}

function fieldsOf({ schema, money }: EventSchema): string {
  const { properties, required } = schema as {
    properties: Record<string, Record<string, unknown>>;
    required: string[];
  };
  const rows = Object.entries(properties).map(([name, part]) => {
    const presence = required.includes(name) ? '' : ' (optional)';
    return `| \`${name}\`${presence} | ${money.includes(name) ? 'money' : kindOf(part)} |`;
  });
  return ['| field | what |', '|---|---|', ...rows].join('\n');
}

function kindOf(part: Record<string, unknown>): string {
  if (Array.isArray(part['enum'])) return part['enum'].map((value) => `\`${value}\``).join(' ');
  if (part['type'] === 'object') return 'object';
  if (part['type'] === 'array') return 'list';
  const pattern = typeof part['pattern'] === 'string' ? part['pattern'] : '';
  const id = /^\^([a-z]+)_/.exec(pattern)?.[1];
  if (id) return `\`${id}_<uuid>\``;
  if (pattern === timestamp['pattern']) return 'time (ISO 8601, UTC)';
  return typeof part['type'] === 'string' ? part['type'] : 'any JSON';
}

function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { status, retryable, message }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${message} |`,
  );
  return [
    '# Error codes',
    '',
    'Generated from `contracts/error-codes.ts` by `make contracts`.',
    '',
    '| code | HTTP | retryable | message |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function allSchemas(): object {
  const schemas = Object.entries(eventSchemas).map(([type, { schema }]) => [type, schema]);
  return Object.fromEntries(schemas) as object;
}

/**
 * The API of all roles, as every process serves it at `/openapi.json`. Until its first request a
 * route uses nothing of the infrastructure but the configuration, so nothing else is opened.
 */
function wholeApi(): object {
  const infra = { config: configFrom({}) } as Infra;
  return openApiDocument([...commandRoutes(infra), ...queryRoutes(infra)]);
}
