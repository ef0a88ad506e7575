/** The reference for people: one page made of the OpenAPI document, with nothing from elsewhere. */
import { hash } from 'node:crypto';
import type { OpenApiDocument, Operation, Parameter, Response } from './openapi.js';
import { exampleOf, fieldsOf, limitsOf, type Field, type Schemas } from './reference-schemas.js';
import { referenceScript, referenceStyle } from './reference-style.js';

interface ReferencePage {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function referencePage(document: OpenApiDocument): ReferencePage {
  const digest = (text: string) => `'sha256-${hash('sha256', text, 'base64')}'`;
  const policy = [
    "default-src 'none'",
    `style-src ${digest(referenceStyle)}`,
    `script-src ${digest(referenceScript)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    html: pageOf(document),
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.join('; '),
    },
  };
}

interface Listed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

function pageOf(document: OpenApiDocument): string {
  const { schemas } = document.components;
  const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Listed => ({ method, path, operation })),
  );
  const tagged = document.tags.map(({ name }) => ({
    name,
    own: listed.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const { title, description } = document.info as { title: string; description: string };
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} API reference</title><style>${referenceStyle}</style></head><body>
<nav aria-label="Operations"><a class="brand" href="#top">${title}</a>
<input id="filter" type="search" placeholder="Filter operations" aria-label="Filter operations">
${tagged.map(({ name, own }) => navigationOf(name, own)).join('\n')}
<h2>Schemas</h2><ul>${Object.keys(schemas)
    .map((name) => `<li><a href="#schema-${name}">${name}</a></li>`)
    .join('')}</ul></nav>
<main id="top"><header><h1>${title} API</h1><p>${marked(description)}</p>
<p class="links"><a href="/openapi.json">openapi.json</a> · OpenAPI 3.1</p></header>
${tagged.map(({ name, own }) => sectionOf(name, own, schemas)).join('\n')}
<section><h2>Schemas</h2>${Object.entries(schemas)
    .map(([name, schema]) => schemaCard(name, fieldsOf(schema, schemas)))
    .join('\n')}</section></main>
<script>${referenceScript}</script></body></html>`;
}

const navigationOf = (tag: string, listed: readonly Listed[]): string =>
  `<h2>${escaped(tag)}</h2><ul>${listed
    .map(
      ({ method, path, operation }) =>
        `<li data-search="${escaped(`${method} ${path} ${operation.summary}`.toLowerCase())}">` +
        `<a href="#${operation.operationId}"><span class="method ${method}">${method}</span>` +
        `${escaped(operation.summary)}</a></li>`,
    )
    .join('')}</ul>`;

const sectionOf = (tag: string, listed: readonly Listed[], schemas: Schemas): string =>
  `<section><h2>${escaped(tag)}</h2>` +
  `${listed.map((one) => card(one, schemas)).join('\n')}</section>`;

function card({ method, path, operation }: Listed, schemas: Schemas): string {
  const { operationId, summary, description, parameters = [], requestBody } = operation;
  const bodySchema = requestBody?.content['application/json']?.schema;
  const audience = 'operatorKey' in (operation.security[0] ?? {}) ? 'operator' : 'API key';
  return `<article id="${operationId}"><h3>${escaped(summary)}</h3>
<p class="path"><span class="method ${method}">${method}</span><code>${escaped(path)}</code>
<span class="key">${audience}</span></p>
${description ? `<p>${marked(description)}</p>` : ''}
${parameters.length > 0 ? table('Parameters', parameters.map(parameterRow)) : ''}
${bodySchema ? table('Body', fieldsOf(bodySchema, schemas).map(fieldRow)) : ''}
<h4>Example</h4><div class="code"><button type="button" class="copy">Copy</button>
<pre>${escaped(curlOf({ method, path, operation }, schemas))}</pre></div>
<h4>Answers</h4>${Object.entries(operation.responses)
    .map(([status, response]) => answerOf(status, response, schemas))
    .join('')}</article>`;
}

function curlOf({ method, path, operation }: Listed, schemas: Schemas): string {
  const key = 'operatorKey' in (operation.security[0] ?? {}) ? '$ADMIN_KEY' : '$API_KEY';
  const lines = [`curl -X ${method.toUpperCase()} "$BASE_URL${path}"`];
  lines.push(`-H "Authorization: Bearer ${key}"`);
  const schema = operation.requestBody?.content['application/json']?.schema;
  if (operation.parameters?.some(({ name }) => name === 'Idempotency-Key'))
    lines.push("-H 'Idempotency-Key: order-4711'");
  if (schema) {
    lines.push("-H 'Content-Type: application/json'");
    lines.push(`-d '${JSON.stringify(exampleOf(schema, schemas)).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(' \\\n  ');
}

function answerOf(status: string, response: Response, schemas: Schemas): string {
  const schema = response.content?.['application/json']?.schema;
  const isError = Number(status) >= 400;
  const example =
    schema && !isError
      ? `<pre>${escaped(JSON.stringify(exampleOf(schema, schemas), null, 2))}</pre>`
      : '';
  const kind = isError ? 'bad' : 'good';
  const head = `<span class="status ${kind}">${status}</span>`;
  const said = `<span>${marked(response.description)}</span>`;
  return example
    ? `<details><summary>${head}${said}</summary>${example}</details>`
    : `<div class="answer">${head}${said}</div>`;
}

const schemaCard = (name: string, fields: readonly Field[]): string =>
  `<article id="schema-${name}"><h3>${name}</h3>${table('Fields', fields.map(fieldRow))}</article>`;

const table = (title: string, rows: readonly string[]): string =>
  rows.length === 0 ? '' : `<h4>${title}</h4><table><tbody>${rows.join('')}</tbody></table>`;

const parameterRow = ({ name, in: place, required, description, schema }: Parameter): string =>
  fieldRow({
    path: name,
    type: `${String(schema['type'])}, in ${place}`,
    required,
    description: [description, limitsOf(schema)].filter(Boolean).join(' '),
  });

const fieldRow = ({ path, type, required, description }: Field): string =>
  `<tr><td><code>${escaped(path)}</code>${required ? '<span class="must">required</span>' : ''}` +
  `</td><td class="type">${escaped(type)}</td><td>${marked(description)}</td></tr>`;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"]/g, (char) => entities[char] ?? '');

/** Backticks become code; nothing else is markup. */
const marked = (text: string): string => escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
