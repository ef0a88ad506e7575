/** No request holds the process: every schema, with the worst that can be sent to it. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Model } from '../contracts/catalogue/catalogue.js';
import { eventSchemas } from '../contracts/events/all.js';
import { estimateFor } from '../domain/pricing/pricing.js';
import { bodyCheck, queryCheck } from '../http/server/check-schema.js';
import { templateOf } from '../http/server/endpoint.js';
import { canonicalJson, sha256Hex } from '../domain/canonical-json.js';
import { readJson } from '../http/server/json/strict-json.js';
import { openApiDocument } from '../http/server/openapi/openapi.js';
import { readQuery } from '../http/server/read-query.js';
import type { JsonSchema } from '../http/server/route.js';
import { ADMIN_KEY, openTestServer, type TestServer } from '../http/server/testing/kit.js';
import { filesIn } from '../providers/catalogue/file-fields.js';
import { validateInput } from '../providers/catalogue/input-validators.js';
import { loadCatalogue } from '../providers/catalogue/load-catalogue.js';
import { costProblems } from '../providers/catalogue/schema-cost.js';
import { allRoutes } from './testing/all-routes.js';

/** What is not linear takes seconds. Cores that are shared count the same work up to twice. */
const HOLD_MS_MAX = 100;
const RUNS = 5;
const BODY_BYTES = 1024 * 1024;

const routes = allRoutes();

const { models } = (() => {
  const text = readFileSync('catalogue.yaml', 'utf8');
  const result = loadCatalogue(text, { SANDBOX_URL: 'http://127.0.0.1:9' });
  if ('catalogue' in result) return result.catalogue;
  throw new Error(result.problems.join());
})();

/** Processor time, so that a busy machine does not count. */
function holdMs(work: () => unknown): number {
  let least = Infinity;
  for (let run = 0; run < RUNS && least > HOLD_MS_MAX / 2; run += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

const filled = (unit: string, bytes = BODY_BYTES): string =>
  unit.repeat(Math.floor((bytes - 1_000) / Buffer.byteLength(unit)));

const listOf = (unit: string, count = Infinity): string => {
  const most = Math.min(count, Math.floor((BODY_BYTES - 1_000) / (unit.length + 1)));
  return `[${`${unit},`.repeat(most - 1)}${unit}]`;
};

const keyed = (count: number, value: string): string =>
  `{${Array.from({ length: count }, (_, n) => `"k${n}":${value}`).join(',')}}`;

/** JSON texts, of which each is the worst of its kind. */
const worst: Readonly<Record<string, string>> = {
  integers: listOf('1'),
  '60,000 integers': `[${Array.from({ length: 60_000 }, (_, n) => n).join(',')}]`,
  '60,000 objects': listOf('{"a":1}', 60_000),
  '60,000 strings': `[${Array.from({ length: 60_000 }, (_, n) => `"s${n}"`).join(',')}]`,
  'objects of text': listOf('{"role":"user","content":"x"}', 5_000),
  'bad objects': listOf('{"role":7,"content":[],"x":1}', 3_000),
  exponents: listOf('1e1'),
  words: listOf('null'),
  lists: listOf('[]'),
  nesting: `${'['.repeat(64)}${']'.repeat(64)}`,
  'deep nesting': `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  'nested lists': listOf(`${'['.repeat(60)}${']'.repeat(60)}`),
  '9,000 keys': keyed(9_000, '"v"'),
  '9,000 numeric keys': `{${Array.from({ length: 9_000 }, (_, n) => `"${n * 65_536}":1`).join()}}`,
  '60,000 keys': keyed(60_000, '1'),
  'one key twice': `{${`"a":1,`.repeat(9_000)}"a":1}`,
  'a long key': `{"${filled('k')}":1}`,
  'a long text': `"${filled('a')}"`,
  spaces: `"${filled(' ')}"`,
  digits: `"${filled('9')}"`,
  hyphens: `"a${filled('-')}"`,
  dots: `"${filled('1.')}"`,
  'mixed characters': `"${filled('a-1_.A ')}"`,
  'a text of astral characters': `"${filled('🔑')}"`,
  'escaped characters': `"${filled('\\u0041')}"`,
  'escaped pairs': `"${filled('\\ud83d\\ude00')}"`,
  'escaped pairs, the last one broken': `"${filled('\\ud83d\\ude00')}\\ud83d"`,
  'simple escapes, then NUL': `"${filled('\\n')}\\u0000"`,
  'a text that is not ended': `"${filled('a')}`,
  'white space': `1${filled(' ')}`,
  'a long integer': filled('9'),
  'a long fraction': `0.${filled('3')}`,
  'a long exponent': `1e${filled('9')}`,
};

type Properties = Readonly<Record<string, JsonSchema>>;

interface Read {
  readonly kind: string;
  readonly value: unknown;
  readonly bytes: number;
  /** To read it, to write it canonically and to digest that: the same in whichever field it is. */
  readonly ms: number;
}

/** Each worst text that is JSON, as it is read. */
function readWorst(): readonly Read[] {
  return Object.entries(worst).flatMap(([kind, text]) => {
    const bytes = Buffer.from(text);
    let reading = readJson(bytes);
    const readMs = holdMs(() => {
      reading = readJson(bytes);
      if (!reading.ok) JSON.stringify(reading.problem);
    });
    expect(readMs, kind).to.be.below(HOLD_MS_MAX);
    if (!reading.ok) return [];
    const { value } = reading;
    const digestMs = holdMs(() => {
      const canonical = canonicalJson({ prompt: value });
      sha256Hex(canonical);
      sha256Hex(Buffer.from(canonical));
    });
    return [{ kind, value, bytes: bytes.length, ms: readMs + digestMs }];
  });
}

/** A body for each of its fields with the value in it, and with it as the whole. */
function bodiesWith(schema: JsonSchema, value: unknown, fine: JsonSchema): [string, unknown][] {
  const names = Object.keys(schema['properties'] ?? {});
  return [
    ['the whole', value],
    ...names.map((name): [string, unknown] => [name, { ...fine, [name]: value }]),
  ];
}

/** What a request does with a body that is read until it is queued for the store. */
function handled(
  check: ReturnType<typeof bodyCheck>,
  body: unknown,
  bytes: number,
  then?: (body: object) => void,
) {
  const details = check(body, bytes);
  if (details.length > 0) expect(JSON.stringify(details).length).to.be.below(10_000);
  else then?.(body as object);
}

function submitted(model: Model, body: object): void {
  const { input } = body as { input: Record<string, unknown> };
  const details = validateInput(model, input);
  expect(JSON.stringify(details).length).to.be.below(20_000);
  if (details.length > 0) return;
  filesIn(model, input);
  estimateFor(model, input);
}

describe('no request holds the process', () => {
  const withBody = routes.filter(({ bodySchema }) => bodySchema);
  let all: readonly Read[] = [];

  it('reads, writes and digests the worst texts in time', () => {
    all = readWorst();
    expect(all.length).to.be.greaterThan(15);
    for (const { kind, ms } of all) expect(ms, kind).to.be.below(HOLD_MS_MAX);
  }).timeout(60_000);

  it('has schemas that are linear, in contracts and in the bundled catalogue', () => {
    const found = [
      ...routes.flatMap((route) =>
        [route.bodySchema, route.querySchema, ...Object.values(route.replySchemas)].flatMap(
          (schema) => costProblems(`${route.method} ${templateOf(route)}`, schema),
        ),
      ),
      ...Object.entries(eventSchemas).flatMap(([type, { schema }]) => costProblems(type, schema)),
      ...[...models.values()].flatMap(({ slug, inputSchema, outputSchema }) =>
        [inputSchema, outputSchema].flatMap((schema) => costProblems(slug, schema)),
      ),
    ];
    expect(routes.length).to.be.greaterThan(20);
    expect(found).to.deep.equal([]);
  });

  it('bounds every text, number, list and map that a request may hold', () => {
    const found = routes.flatMap((route) =>
      [route.bodySchema, route.querySchema].flatMap((schema) =>
        schema ? unbounded(`${route.method} ${templateOf(route)}`, schema) : [],
      ),
    );
    // An input's own bounds are the model's schema and those of every body.
    expect(found).to.have.members(
      [
        'POST /v1/executions.input',
        'POST /v1/executions/estimate.input',
        'POST /v1/executions/batch.executions[].input',
      ].map((input) => `${input}: no bound on its keys`),
    );
    const inModels = [...models.values()].flatMap(({ slug, inputSchema }) =>
      unbounded(slug, inputSchema),
    );
    expect(inModels).to.deep.equal([]);
  });

  for (const route of withBody)
    it(`body of ${route.method} ${templateOf(route)}`, () => {
      const schema = route.bodySchema!;
      const check = bodyCheck(schema);
      const [example = {}] = (schema['examples'] ?? []) as JsonSchema[];
      for (const { kind, value, bytes, ms } of all)
        for (const [name, body] of bodiesWith(schema, value, example)) {
          const checkMs = holdMs(() => handled(check, body, bytes));
          expect(ms + checkMs, `${kind} in ${name}`).to.be.below(HOLD_MS_MAX);
        }
    }).timeout(120_000);

  for (const model of models.values())
    it(`input of ${model.slug}`, () => {
      const submission = routes.find(
        ({ method, path }) => method === 'POST' && path === '/executions',
      );
      const check = bodyCheck(submission!.bodySchema!);
      for (const { kind, value, bytes, ms } of all)
        for (const [name, input] of bodiesWith(model.inputSchema, value, { prompt: 'x' })) {
          const body = { model: model.slug, input };
          const checkMs = holdMs(() =>
            handled(check, body, bytes, (fine) => submitted(model, fine)),
          );
          expect(ms + checkMs, `${kind} in ${name}`).to.be.below(HOLD_MS_MAX);
        }
    }).timeout(120_000);

  it('query of every route', () => {
    const hostile = ['&a'.repeat(8_000), '&', filled('%41', 16_000), filled('a', 16_000)].concat(
      filled('0', 16_000),
      Array.from({ length: 2_000 }, (_, n) => `k${n}=`).join('&'),
      Array.from({ length: 900 }, (_, n) => `metadata[k${n}]=v`).join('&'),
    );
    for (const { querySchema } of routes) {
      if (!querySchema) continue;
      const check = queryCheck(querySchema);
      const names = Object.keys(querySchema['properties'] as Properties);
      const queries = [...hostile, ...names.flatMap((name) => hostile.map((h) => `${name}=${h}`))];
      for (const query of queries) {
        const ms = holdMs(() => {
          const read = readQuery(`/?${query}`);
          if ('values' in read) check(read.values, query.length);
        });
        expect(ms, query.slice(0, 60)).to.be.below(HOLD_MS_MAX);
      }
    }
  }).timeout(60_000);
});

/** Places of a request's schema that put no bound on what they hold. */
function unbounded(place: string, schema: JsonSchema): string[] {
  const { type, properties = {}, items, additionalProperties, patternProperties = {} } = schema;
  const types = [type ?? []].flat() as string[];
  const isChosen = 'enum' in schema || 'const' in schema || schema['format'] === 'file-id';
  const parts = Object.entries({ ...(properties as Properties), ...(patternProperties as object) });
  const branches = [schema['then'], schema['else'], schema['anyOf'], schema['oneOf']].flat();
  const isFree = types.includes('object') && additionalProperties !== false;
  return [
    ...(types.includes('string') && !isChosen && !('maxLength' in schema)
      ? [`${place}: no bound on its length`]
      : []),
    ...(types.includes('integer') && !isChosen && !('maximum' in schema)
      ? [`${place}: no bound on its size`]
      : []),
    ...(types.includes('array') && !('maxItems' in schema) ? [`${place}: no bound on items`] : []),
    ...(isFree && !('maxProperties' in schema) ? [`${place}: no bound on its keys`] : []),
    ...branches.flatMap((one) => (one ? unbounded(place, one as JsonSchema) : [])),
    ...parts.flatMap(([name, part]) => unbounded(`${place}.${name}`, part)),
    ...(items ? unbounded(`${place}[]`, items as JsonSchema) : []),
    ...(typeof additionalProperties === 'object' && additionalProperties !== null
      ? unbounded(`${place}.*`, additionalProperties as JsonSchema)
      : []),
  ];
}

describe('a parameter that could not be stored is a 400 that names it', () => {
  const UNSTORABLE = ['%00', 'a%00b', '%ff', '%c0%80', '%ed%a0%80', '%', '%zz'];
  let server: TestServer;
  before(async () => {
    server = await openTestServer({ routes });
  });
  after(() => server.close());

  for (const [path, operations] of Object.entries(openApiDocument(routes).paths))
    for (const [method, { parameters = [] }] of Object.entries(operations))
      for (const { name, in: where } of parameters.filter(({ in: place }) => place !== 'header'))
        it(`${method} ${path} ${where} ${name}`, async () => {
          const key = path.startsWith('/admin') ? ADMIN_KEY : server.apiKey;
          const headers = { authorization: `Bearer ${key}` };
          for (const value of UNSTORABLE) {
            const filledIn = path.replaceAll(/\{(\w+)\}/g, (_, each: string) =>
              where === 'path' && each === name ? value : 'a',
            );
            const query = where === 'query' ? `?${encodeURIComponent(name)}=${value}` : '';
            const url = `${filledIn}${query}`;
            const answer = await server.ask(method.toUpperCase(), url, { headers });
            const { error } = answer.json as { error: { details: { field: string }[] } };
            expect([answer.status, error.details[0]?.field], url).to.deep.equal([400, name]);
          }
        });
});
