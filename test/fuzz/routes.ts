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
}

interface Part {
  readonly name: string;
  readonly key: string;
  readonly filter: readonly string[];
}

/** What was found, in a line for each part that failed; Schemathesis prints the details. */
export async function fuzzRoutes(system: System, fuzzing: Fuzzing): Promise<readonly string[]> {
  const tool = await wheelPrograms([SCHEMATHESIS]);
  if ('missing' in tool) return [tool.missing];
  const findings: string[] = [];
  for (const part of await partsOf(system))
    if ((fuzzing.only ?? part.name).startsWith(part.name))
      findings.push(...(await fuzz(system, join(tool.path, 'schemathesis'), part, fuzzing)));
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
  const names = Object.values(body.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  const revoking = names.filter((name) => REVOKING.test(name)).join('|');
  // What several exclusions exclude together is left out, so that a path is always included by one.
  const tenant = { key: api.apiKey, filter: ['--include-path-regex', '^/(?!admin/)'] };
  const operator = { key: system.adminKey, filter: ['--include-path-regex', '^/admin'] };
  const made = ['--phases', 'examples,coverage,fuzzing'];
  const others = ['--exclude-operation-id-regex', REVOKING.source];
  return [
    { ...tenant, name: 'tenant', filter: [...tenant.filter, ...others] },
    { ...operator, name: 'operator', filter: [...operator.filter, ...others] },
    ...(revoking === ''
      ? []
      : [
          {
            ...tenant,
            name: 'tenant, revoking',
            filter: [...made, '--include-operation-id-regex', REVOKING.source],
          },
        ]),
  ];
}

const REVOKING = /^(delete|rotate|revoke)ApiKey$/;

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId: string }>>>>;
}

async function fuzz(
  { baseUrl, dataDir }: System,
  program: string,
  { name, key, filter }: Part,
  { examples, seed }: Fuzzing,
): Promise<readonly string[]> {
  const home = join(dataDir, '..', 'fuzz');
  await mkdir(home, { recursive: true });
  const args = [
    ...['--config-file', join(repositoryRoot, 'test/fuzz/schemathesis.toml')],
    ...['run', `${baseUrl}/openapi.json`, '--url', baseUrl],
    ...['--header', `Authorization: Bearer ${key}`, ...filter],
    ...['--max-examples', String(examples), '--seed', seed],
    ...['--request-timeout', String(ANSWER_SECONDS_MAX), '--continue-on-failure'],
    ...['--max-response-time', String(ANSWER_SECONDS_MAX)],
    ...['--suppress-health-check', 'all', '--generation-database', 'none', '--no-color'],
    ...['--checks', 'all', '--exclude-checks', NOT_SENSIBLE, '--warnings', 'off'],
  ];
  console.log(`fuzz: ${name}`);
  const child = spawn(program, args, { cwd: home, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0 ? [] : [`${name}: Schemathesis ended with ${code}`];
}
