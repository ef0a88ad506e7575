/** Every route, from the document that the system itself serves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { wheelPrograms } from '../../scripts/deploy-tools.js';
import { repositoryRoot } from '../../testing/child-process.js';
import { send } from '../../testing/client.js';
import type { System } from '../../testing/system.js';
import { unlimitedTenant } from './unlimited-tenant.js';

const SCHEMATHESIS = 'schemathesis==4.32.5';
/** No answer takes longer than this, whatever is asked. */
const ANSWER_SECONDS_MAX = 2;

/**
 * A body that a schema accepts may still be refused, for money, a quota, or what an id names; and
 * what was made by one request may be gone by the next.
 */
const NOT_SENSIBLE = 'positive_data_acceptance,ensure_resource_availability';

interface Fuzzing {
  readonly examples: number;
  readonly seed: string;
  readonly only: string | undefined;
  /** Of the operations, by their ids; all where it is absent. */
  readonly routes: RegExp | undefined;
  /** One slice of so many, so that a run that takes hours can be made in several. */
  readonly slice: { readonly nth: number; readonly of: number };
}

interface Part {
  readonly name: string;
  readonly key: string;
  readonly operations: readonly string[];
  readonly phases?: string;
}

/** What was found, in a line for each part that failed; Schemathesis prints the details. */
export async function fuzzRoutes(system: System, fuzzing: Fuzzing): Promise<readonly string[]> {
  const tool = await wheelPrograms([SCHEMATHESIS]);
  if ('missing' in tool) return [tool.missing];
  const findings: string[] = [];
  for (const part of await partsOf(system)) {
    const operations = chosen(part.operations, fuzzing);
    if (operations.length === 0 || !(fuzzing.only ?? part.name).startsWith(part.name)) continue;
    const program = join(tool.path, 'schemathesis');
    findings.push(...(await fuzz(system, program, { ...part, operations }, fuzzing)));
  }
  const { status } = await send(`${system.baseUrl}/readyz`, 'GET');
  return status === 200 ? findings : [...findings, `afterwards /readyz answers ${status}`];
}

/**
 * A key that a fuzzer revokes would open nothing more, so keys are revoked by themselves, and by
 * ids that the fuzzer makes up.
 */
async function partsOf(system: System): Promise<readonly Part[]> {
  const { api } = await unlimitedTenant(system);
  const { body } = await send<Document>(`${system.baseUrl}/openapi.json`, 'GET');
  const named = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.values(methods).map(({ operationId: id }) => ({ path, id })),
  );
  const isOperators = (path: string) => path.startsWith('/admin');
  const idsOf = (isIn: (one: (typeof named)[number]) => boolean) =>
    named.filter(isIn).map(({ id }) => id);
  const tenant = { key: api.apiKey };
  return [
    {
      ...tenant,
      name: 'tenant',
      operations: idsOf(({ path, id }) => !isOperators(path) && !REVOKING.test(id)),
    },
    {
      key: system.adminKey,
      name: 'operator',
      operations: idsOf(({ path, id }) => isOperators(path) && !REVOKING.test(id)),
    },
    {
      ...tenant,
      name: 'tenant, revoking',
      operations: idsOf(({ path, id }) => !isOperators(path) && REVOKING.test(id)),
      phases: 'examples,coverage,fuzzing',
    },
  ];
}

/** Every so-many-th, so that each slice has some of the dear ones. */
const chosen = (operations: readonly string[], { routes, slice }: Fuzzing): readonly string[] =>
  operations.filter(
    (id, index) => (routes?.test(id) ?? true) && index % slice.of === slice.nth - 1,
  );

const REVOKING = /^(delete|rotate|revoke)ApiKey$/;

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId: string }>>>>;
}

async function fuzz(
  { baseUrl, dataDir }: System,
  program: string,
  { name, key, operations, phases }: Part,
  { examples, seed }: Fuzzing,
): Promise<readonly string[]> {
  const home = join(dataDir, '..', 'fuzz');
  await mkdir(home, { recursive: true });
  const args = [
    ...['--config-file', join(repositoryRoot, 'test/fuzz/schemathesis.toml')],
    ...['run', `${baseUrl}/openapi.json`, '--url', baseUrl],
    ...['--header', `Authorization: Bearer ${key}`],
    ...['--include-operation-id-regex', `^(${operations.join('|')})$`],
    ...(phases === undefined ? [] : ['--phases', phases]),
    ...['--max-examples', String(examples), '--seed', seed],
    ...['--request-timeout', String(ANSWER_SECONDS_MAX), '--continue-on-failure'],
    ...['--max-response-time', String(ANSWER_SECONDS_MAX)],
    ...['--suppress-health-check', 'all', '--generation-database', 'none', '--no-color'],
    ...['--checks', 'all', '--exclude-checks', NOT_SENSIBLE, '--warnings', 'off'],
  ];
  console.log(`fuzz: ${name}, ${operations.length} operations`);
  const child = spawn(program, args, { cwd: home, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0 ? [] : [`${name}: Schemathesis ended with ${code}`];
}
